//! See `rules/gateway/gateway-listener-missing.md`.

use crate::repository::Repository;
use crate::rules::{Check, Findings, references};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    references::part_missing(repository, findings, |broken| broken.kind == "Gateway");
}
