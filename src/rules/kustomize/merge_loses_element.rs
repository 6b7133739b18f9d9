//! See `rules/kustomize/kustomize-merge-loses-element.md`.

use crate::kustomize::ProblemKind;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, _: &'a Repository, findings: &mut Findings<'a>) {
    super::report(app, ProblemKind::MergeLosesElement, findings);
}
