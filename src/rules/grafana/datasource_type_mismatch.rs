//! See `rules/grafana/grafana-datasource-type-mismatch.md`.

use super::about;
use super::instance::instances;
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

/// Types of datasources that hold logs, metrics, traces. Others are not known, and not judged.
const LOGS: [&str; 6] = [
    "loki",
    "elasticsearch",
    "grafana-opensearch-datasource",
    "grafana-splunk-datasource",
    "googlecloud-logging-datasource",
    "victoriametrics-logs-datasource",
];
const METRICS: [&str; 4] = [
    "prometheus",
    "grafana-amazonprometheus-datasource",
    "grafana-azureprometheus-datasource",
    "victoriametrics-metrics-datasource",
];
const TRACES: [&str; 4] = ["tempo", "jaeger", "zipkin", "grafana-x-ray-datasource"];
const PROFILES: [&str; 2] = ["grafana-pyroscope-datasource", "parca"];
const ALERTS: [&str; 1] = ["alertmanager"];

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    for instance in instances(repository) {
        for datasource in &instance.datasources {
            for reference in datasource.references.iter().filter(|reference| !reference.correlation) {
                let Some((wanted, what)) = wanted(&reference.field) else { continue };
                let target = instance.with_uid(&reference.uid).and_then(|at| instance.datasources.get(at));
                let Some((target, kind)) = target.and_then(|target| Some((target, target.kind()?))) else { continue };
                let known = [&LOGS[..], &METRICS, &TRACES, &PROFILES, &ALERTS].concat();
                if wanted.contains(&kind) || !known.contains(&kind) {
                    continue;
                }
                let message = format!(
                    "{} leads to {what} with this field, but `{}` is {} of type {kind}: the link opens an empty query",
                    datasource.title(),
                    reference.uid,
                    target.title()
                );
                let report = about(findings.report(reference.node.span, message), datasource);
                report.label(format!("in `{}`", reference.field));
                report.related(target.place, format!("{} is of type {kind}", target.title()));
                report.help(format!("name a datasource for {what}"));
            }
        }
    }
}

/// What a field wants to be led to.
fn wanted(field: &str) -> Option<(&'static [&'static str], &'static str)> {
    let has = |part: &str| field.contains(part);
    Some(match () {
        () if has("tracesToLogs") || has("lokiSearch") => (&LOGS, "logs"),
        () if has("serviceMap") || has("tracesToMetrics") => (&METRICS, "metrics"),
        () if has("tracesToProfiles") => (&PROFILES, "profiles"),
        () if has("exemplarTraceIdDestinations") => (&TRACES, "traces"),
        () if field.ends_with("alertmanagerUid") => (&ALERTS, "alerts"),
        () => return None,
    })
}
