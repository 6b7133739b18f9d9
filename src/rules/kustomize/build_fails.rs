//! See `rules/kustomize/kustomize-build-fails.md`.

use crate::kustomize::{Problem, ProblemKind};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, repository: &'a Repository, findings: &mut Findings<'a>) {
    findings.about(Some(app), None);
    let is_general = |problem: &&Problem| problem.kind == ProblemKind::BuildFails;
    let told: Vec<&Problem> =
        app.problems.iter().filter(|problem| problem.upstream.is_some() && !is_general(problem)).collect();
    for problem in app.problems.iter().filter(is_general) {
        // What follows from a mistake that has a rule of its own is no second mistake.
        let follows = told.iter().any(|told| problem.span.holds(told.span) || told.span.holds(problem.span));
        if !follows && !is_told_of_the_text(problem, repository) {
            super::report_one(problem, findings);
        }
    }
}

/// Whether the rules on text report the same place already: one mistake is one finding.
fn is_told_of_the_text(problem: &Problem, repository: &Repository) -> bool {
    let file = problem.span.file;
    let at_this_place = |span| span == problem.span;
    repository.class(file).matters()
        && repository.files.stream(file).problems.iter().any(|problem| {
            at_this_place(problem.span) || problem.kind.related().is_some_and(|(span, _)| at_this_place(span))
        })
}
