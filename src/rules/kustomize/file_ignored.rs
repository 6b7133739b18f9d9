//! See `rules/kustomize/kustomize-file-ignored.md`.

use crate::finding::Severity;
use crate::kustomize::ProblemKind;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, _: &'a Repository, findings: &mut Findings<'a>) {
    findings.about(Some(app), None);
    // Who builds by hand may well have the file; a controller has what is in Git.
    let by_hand = app.app.declared.span().is_none();
    for problem in app.problems.iter().filter(|problem| problem.kind == ProblemKind::FileIgnored) {
        let finding = super::report_one(problem, findings);
        if by_hand {
            finding.severity(Severity::Warning);
        }
    }
}
