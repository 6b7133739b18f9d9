//! See `rules/yaml/yaml-duplicate-key.md`.

use super::consumer::{Consumer, consumer};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::SourceFile;
use crate::yaml::{ProblemKind, Stream};

pub(crate) const CHECK: Check = Check::File(check);

fn check(file: &SourceFile, stream: &Stream, repository: &Repository, findings: &mut Findings<'_>) {
    let is_duplicate =
        |kind: &ProblemKind| matches!(kind, ProblemKind::DuplicateKey { .. } | ProblemKind::DuplicateMerge(_));
    if !stream.problems.iter().any(|problem| is_duplicate(&problem.kind)) {
        return;
    }
    let Some(consumer) = consumer(file.id, repository) else { return };
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
