//! See `rules/kustomize/kustomize-build-fails.md`.

use crate::kustomize::{Problem, ProblemKind};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, repository: &'a Repository, findings: &mut Findings<'a>) {
    findings.about(Some(app), None);
    let own = app.problems.iter().filter(|problem| problem.kind == ProblemKind::BuildFails);
    own.filter(|problem| !is_told_of_the_text(problem, repository))
        .for_each(|problem| super::report_one(problem, findings));
}

/// Whether the rules on text report the same place already: one mistake is one finding.
fn is_told_of_the_text(problem: &Problem, repository: &Repository) -> bool {
    let file = problem.span.file;
    let at_this_place = |span| span == problem.span;
    repository.class(file).matters()
        && repository.files.stream(file).problems.iter().any(|problem| at_this_place(problem.span))
}
