//! See `rules/poddisruptionbudget/poddisruptionbudget-breaks-majority.md`.

use super::budgets;
use crate::kubernetes::{Object, Pod};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::App(check);

/// Programs whose members decide by majority, by the last part of their image's path.
const BY_MAJORITY: [&str; 9] =
    ["etcd", "zookeeper", "consul", "mongo", "mongodb", "vault", "cockroach", "clickhouse-keeper", "rabbitmq"];

fn check<'a>(app: &'a BuiltApp, _: &'a Repository, findings: &mut Findings<'a>) {
    for budget in budgets::all(app) {
        let left = budget.pods - budget.allowed;
        let majority = budget.pods / 2 + 1;
        // Two members have no majority to lose; of several workloads nothing says which pods belong together.
        if budget.pods < 3 || budget.workloads != 1 || left >= majority || !decides(budget.workload) {
            continue;
        }
        findings.about(Some(app), Some(budget.object));
        let message = format!(
            "{} lets {} of the {} members of {} go at once, but {majority} are a majority: while nodes are drained, writes \
             time out and there is no leader",
            budget.object.id, budget.allowed, budget.pods, budget.workload.id
        );
        let finding = findings.report(budget.place.span, message);
        finding.label(format!("{majority} must stay")).related(budget.workload.name_span(), "the members");
        finding.help("write `maxUnavailable: 1`");
    }
}

fn decides(workload: &Object) -> bool {
    let images = Pod::of(workload).into_iter().flat_map(Pod::containers).filter_map(|container| container.image());
    let mut names = images.filter_map(|image| image.rsplit('/').next()?.split([':', '@']).next());
    workload.id.kind == "StatefulSet" && names.any(|name| BY_MAJORITY.contains(&name))
}
