//! See `rules/prometheus/prometheus-multicluster-dashboard-empty.md`.

use super::labels::{self, Coverage};
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    for prometheus in labels::all(repository) {
        let Some(values) = prometheus.values.filter(|values| !values.release.incomplete) else { continue };
        let off = |path: &str| values.written(path).is_some_and(|node| node.as_bool() != Some(true));
        if values.get("grafana.enabled").bool() != Some(true) || off("grafana.defaultDashboardsEnabled") {
            continue;
        }
        let Coverage::Some(sources) = prometheus.coverage("cluster", repository) else { continue };
        if sources.default_metric.is_some() || !sources.target.is_empty() || !sources.metric.is_empty() {
            continue;
        }
        findings.about(Some(prometheus.app), None);
        let message = "kube-prometheus-stack brings the dashboard \"Compute Resources / Multi-Cluster\", and no series has a \
                       label `cluster` here: each of its panels shows \"No data\". No value of the chart leaves it out";
        findings.report(values.release.chart_span, message).help(
            "leave it as it is, delete its ConfigMap `…-k8s-resources-multicluster` with a patch, or give every target the \
             label with a default scrape class",
        );
    }
}
