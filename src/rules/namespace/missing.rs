//! See `rules/namespace/namespace-missing.md`.

use crate::references::Role;
use crate::repository::Repository;
use crate::rules::{Check, Findings, references};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    references::missing(repository, findings, |broken| broken.kind == "Namespace" && broken.role != Role::Address);
}
