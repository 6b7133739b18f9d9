//! See `rules/container/container-memory-limit-too-low.md`.

use crate::kubernetes::{Object, Pod, Quantity};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Object(check);

fn check(object: &Object, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    let Some(pod) = Pod::of(object) else { return };
    let Ok(minimum) = Quantity::parse("1Mi") else { return };
    for container in pod.containers() {
        let Some(limit) = container.resource("limits", "memory") else { continue };
        let Some(Ok(amount)) = Quantity::of(limit) else { continue };
        if amount >= minimum || amount <= Quantity::from_milli(0) {
            continue;
        }
        let written = limit.as_text().unwrap_or_default();
        let name = container.name().unwrap_or("?");
        let message = format!(
            "container `{name}` of {} may use {amount} bytes of memory (limit {written}), with which no program starts",
            object.id
        );
        let finding = findings.report(limit.span, message);
        let number: &str = written.trim_end_matches(|c: char| !c.is_ascii_digit());
        if written.ends_with('m') {
            finding
                .label("`m` is a thousandth")
                .help(format!("write `{number}Mi`; `m` stands for thousandths of a byte"));
        } else {
            finding.label("bytes").help(format!("give it a suffix, such as `{number}Mi`"));
        }
    }
}
