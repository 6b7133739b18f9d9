//! See `rules/grafana/grafana-datasource-forward-reference.md`.

use super::about;
use super::graph::Graph;
use super::instance::instances;
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    for instance in instances(repository) {
        // The operator has no order, and each of its objects is tried again until it succeeds.
        if instance.operator {
            continue;
        }
        let graph = Graph::of(&instance);
        for (from, edges) in graph.edges.iter().enumerate() {
            let Some(source) = instance.datasources.get(from) else { continue };
            let mut told = std::collections::BTreeSet::new();
            for (to, reference) in edges {
                // References within a circle are grafana-datasource-cycle's.
                if *to <= from || graph.circle.get(*to) == graph.circle.get(from) || !told.insert(*to) {
                    continue;
                }
                let Some(target) = instance.datasources.get(*to) else { continue };
                let (name, later) = (source.title(), target.title());
                let message = format!(
                    "the datasource {name} refers to `{}`, but {later} is provisioned after it; with an empty database a \
                     Grafana that looks references up while it provisions stops with `data source not found`",
                    reference.uid
                );
                let report = about(findings.report(reference.node.span, message), source);
                report.label(format!("{name} needs {later}")).related(target.place, format!("{later} comes later"));
                if source.chart.is_some() {
                    report.help("the chart puts its own datasource first, so the order can't be changed here");
                } else {
                    report.help(format!("move the entry of {later} before that of {name}"));
                }
            }
        }
    }
}
