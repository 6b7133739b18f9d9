//! See `rules/service/service-missing.md`.

use crate::references::Role;
use crate::repository::Repository;
use crate::rules::{Check, Findings, references};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    references::missing(repository, findings, |broken| match broken.role {
        Role::Address => matches!(broken.kind.as_str(), "Service" | "Namespace"),
        role => broken.kind == "Service" && role != Role::Identity,
    });
}
