//! See `rules/poddisruptionbudget/poddisruptionbudget-blocks-drain.md`.

use super::budgets;
use crate::kubernetes::Pod;
use crate::repository::{BuiltApp, Repository};
use crate::rules::claims::{self, Tie};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, _: &'a Repository, findings: &mut Findings<'a>) {
    for budget in budgets::all(app) {
        // A pod that can run on one node only gains nothing by an eviction: there the budget is meant to stop the drain.
        let is_tied = Pod::of(budget.workload).is_some_and(|pod| claims::tie(pod.spec) == Tie::Hosts(1));
        if budget.allowed > 0 || is_tied {
            continue;
        }
        let pods = budget.pods;
        let them = if pods == 1 { "the only pod".to_owned() } else { format!("any of the {pods} pods") };
        findings.about(Some(app), Some(budget.object));
        let message = format!(
            "{} allows no eviction of {them} of {}: a node that is drained for an upgrade waits for it without end, \"Cannot \
             evict pod as it would violate the pod's disruption budget\"",
            budget.object.id, budget.workload.id
        );
        let finding = findings.report(budget.place.span, message);
        finding.label(format!("{} of {pods}", budget.place.as_text().unwrap_or_default()));
        finding.related(budget.workload.name_span(), "these pods");
        finding.help(if pods == 1 {
            "write `maxUnavailable: 1`, or run two pods; one pod can't be moved without an interruption"
        } else {
            "write `maxUnavailable: 1`"
        });
    }
}
