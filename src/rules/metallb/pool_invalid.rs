//! See `rules/metallb/metallb-pool-invalid.md`.

use super::pools::{Range, entries};
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Object(check);

fn check(object: &Object, _: &BuiltApp, repository: &Repository, findings: &mut Findings<'_>) {
    for entry in entries(object, repository) {
        let Some(text) = entry.as_text().filter(|text| !text.contains(['{', '$', '<'])) else { continue };
        let (what, label, help) = match Range::parse(text) {
            Range::Between(..) => continue,
            Range::Reversed => {
                ("ends before it starts", "the end is before the start", "swap the ends, or correct one")
            }
            Range::Mixed => ("starts in one address family and ends in the other", "two families", "write two ranges"),
            Range::Invalid => (
                "is no range and no network",
                "not an address range",
                "write `START-END` or a network such as `192.0.2.0/24`; one address is `192.0.2.7/32`",
            ),
        };
        let message = format!(
            "the address range `{text}` of {} {what}: MetalLB refuses the configuration and keeps the one it had, or none",
            object.id
        );
        findings.report(entry.span, message).label(label).help(help);
    }
}
