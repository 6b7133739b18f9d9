//! See `rules/container/container-cpu-limit-forbidden.md`.

use super::limits::{CpuLimit, of_object, of_release};
use crate::kubernetes::Quantity;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, _: &'a Repository, findings: &mut Findings<'a>) {
    for object in &app.objects {
        findings.about(Some(app), Some(object));
        for limit in of_object(object, true) {
            judge(&limit, &object.id.to_string(), findings);
        }
    }
    findings.about(Some(app), None);
    for release in &app.releases {
        for limit in of_release(release, true) {
            judge(&limit, &format!("chart {}", release.chart.name), findings);
        }
    }
}

fn judge(limit: &CpuLimit<'_>, of: &str, findings: &mut Findings<'_>) {
    let Some(Ok(amount)) = Quantity::of(limit.limit) else { return };
    if amount <= Quantity::from_milli(0) {
        return;
    }
    let written = limit.limit.as_text().unwrap_or_default();
    let message = format!("{} has a CPU limit ({written}), which is not wanted here", limit.owner.subject(of));
    findings.report(limit.limit.span, message).help("remove the limit; the request keeps the container's share");
}
