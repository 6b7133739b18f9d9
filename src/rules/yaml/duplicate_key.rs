//! See `rules/yaml/yaml-duplicate-key.md`.

use super::consumer::{Consumer, consumer};
use crate::gitops::inline_values;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::SourceFile;
use crate::yaml::{ProblemKind, Stream};

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
        // What is no text is part of the file, whose own duplicates were told.
        let values = roots.flat_map(|root| inline_values(root, &repository.inventory));
        for text in values.filter(|values| values.as_str().is_some()) {
            tell(&repository.files.embedded(text), Consumer::Helm, findings);
        }
    }
}

/// Files with more documents than this are no declarations of apps.
const MOST_DOCUMENTS: usize = 1000;

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
