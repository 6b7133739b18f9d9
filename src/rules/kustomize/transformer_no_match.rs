//! See `rules/kustomize/kustomize-transformer-no-match.md`.

use crate::kustomize::ProblemKind;
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    super::report_unless_useful(repository, ProblemKind::TransformerNoMatch, |app| &app.applied, findings);
}
