//! See `rules/yaml/yaml-duplicate-key.md`.

use super::consumer::{Consumer, consumer};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::SourceFile;
use crate::yaml::{Node, ProblemKind, Stream};

pub(crate) const CHECK: Check = Check::File(check);

fn check(file: &SourceFile, stream: &Stream, repository: &Repository, findings: &mut Findings<'_>) {
    if stream.problems.iter().any(|problem| is_duplicate(&problem.kind))
        && let Some(consumer) = consumer(file.id, repository)
    {
        tell(stream, consumer, findings);
    }
    // Values of a chart are often written as text inside the object that deploys it.
    if repository.class(file.id).matters() && stream.documents.len() <= MOST_DOCUMENTS {
        let roots = stream.documents.iter().filter_map(|document| document.root.as_ref());
        for text in roots.flat_map(|root| values_texts(root, repository)) {
            tell(&repository.files.embedded(text), Consumer::Helm, findings);
        }
    }
}

/// Files with more documents than this are no declarations of apps.
const MOST_DOCUMENTS: usize = 1000;

/// How deep an ApplicationSet is searched for the texts: its sources stand at most this deep.
const MAX_DEPTH: usize = 10;

/// The texts with values in an Application, an ApplicationSet, or a ConfigMap that a HelmRelease takes values from.
fn values_texts<'a>(root: &'a Node, repository: &Repository) -> Vec<&'a Node> {
    let mut texts = Vec::new();
    match (root.str_at(&["apiVersion"]), root.str_at(&["kind"])) {
        (Some("argoproj.io/v1alpha1"), Some("Application" | "ApplicationSet")) => {
            let mut open: Vec<(&Node, usize)> = root.get("spec").map(|spec| (spec, 0)).into_iter().collect();
            while let Some((node, depth)) = open.pop() {
                texts.extend(node.at(&["helm", "values"]).filter(|values| values.as_str().is_some()));
                let children = node.entries().iter().map(|entry| &entry.value).chain(node.items());
                open.extend(children.filter(|_| depth < MAX_DEPTH).map(|child| (child, depth + 1)));
            }
        }
        (Some("v1"), Some("ConfigMap")) => {
            let keys = repository.inventory.values_keys(root.str_at(&["metadata", "name"]).unwrap_or_default());
            texts.extend(keys.filter_map(|key| root.get("data")?.get(key)));
        }
        _ => {}
    }
    texts
}

fn is_duplicate(kind: &ProblemKind) -> bool {
    // A template may make different keys of one text.
    match kind {
        ProblemKind::DuplicateKey { key, .. } => !key.contains("{{"),
        kind => matches!(kind, ProblemKind::DuplicateMerge(_)),
    }
}

fn tell(stream: &Stream, consumer: Consumer, findings: &mut Findings<'_>) {
    for problem in stream.problems.iter().filter(|problem| is_duplicate(&problem.kind)) {
        let lost: &[String] = match &problem.kind {
            ProblemKind::DuplicateKey { lost, .. } => lost,
            // Helm and kubectl apply one merge after the other.
            _ if consumer != Consumer::Kustomize => continue,
            _ => &[],
        };
        let consequence = match (consumer, lost) {
            (Consumer::Kustomize, _) => "kustomize refuses the file".to_owned(),
            (Consumer::Helm, []) => "Helm takes the last one and says nothing".to_owned(),
            (Consumer::Apply, []) => "the last one is applied, and nothing is said".to_owned(),
            (Consumer::Helm, lost) => format!("Helm takes the last one and says nothing; lost: {}", lost.join(", ")),
            (Consumer::Apply, lost) => {
                format!("the last one is applied, and nothing is said; lost: {}", lost.join(", "))
            }
        };
        let finding = findings.report(problem.span, format!("{}; {consequence}", problem.kind.message()));
        let (label, first) = match consumer {
            Consumer::Kustomize => ("the second one", "the first one"),
            _ => ("this one counts", "this one is ignored"),
        };
        finding.label(label);
        if let Some((span, _)) = problem.kind.related() {
            finding.related(span, first);
        }
        finding.help = problem.kind.help();
    }
}
