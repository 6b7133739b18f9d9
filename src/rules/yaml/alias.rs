//! See `rules/yaml/yaml-alias.md`.

use super::consumer::consumer;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::SourceFile;
use crate::yaml::{ProblemKind, Stream};

pub(crate) const CHECK: Check = Check::File(check);

fn check(file: &SourceFile, stream: &Stream, repository: &Repository, findings: &mut Findings<'_>) {
    for problem in &stream.problems {
        let label = match problem.kind {
            ProblemKind::UndefinedAlias { .. } => "no such anchor",
            ProblemKind::RecursiveAlias => "repeats itself",
            ProblemKind::AliasBomb => "expanded up to here",
            _ => continue,
        };
        if consumer(file.id, repository).is_none() {
            return;
        }
        let message = format!("{}; every reader refuses the file", problem.kind.message());
        let finding = findings.report(problem.span, message).label(label);
        if let Some((span, words)) = problem.kind.related() {
            finding.related(span, words);
        }
        finding.help = problem.kind.help();
    }
}
