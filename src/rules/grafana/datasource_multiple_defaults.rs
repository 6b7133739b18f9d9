//! See `rules/grafana/grafana-datasource-multiple-defaults.md`.

use std::collections::BTreeMap;

use super::about;
use super::datasources::Datasource;
use super::instance::instances;
use crate::finding::Severity;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::Span;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    for instance in instances(repository) {
        let mut defaults: BTreeMap<i64, Vec<&Datasource>> = BTreeMap::new();
        for datasource in instance.datasources.iter().filter(|datasource| datasource.is_default) {
            defaults.entry(datasource.organisation).or_default().push(datasource);
        }
        for defaults in defaults.values() {
            // The last one that somebody wrote is the one to mend: a chart's own can only be switched off.
            let Some(at) = defaults.iter().rposition(|datasource| datasource.chart.is_none()) else { continue };
            let (Some(last), true) = (defaults.get(at), defaults.len() > 1) else { continue };
            let names: Vec<&str> = defaults.iter().map(|datasource| datasource.title()).collect();
            let (rest, end) = names.split_at(names.len() - 1);
            let names = format!("{} and {}", rest.join(", "), end.join(""));
            let message = if instance.operator {
                format!("{names} are all marked as default; Grafana keeps one, whichever the operator writes last")
            } else {
                format!(
                    "{names} are all marked as default, but an organisation has one; Grafana refuses the file and does \
                     not start: `Only one datasource per organization can be marked as default`"
                )
            };
            let report = about(findings.report(place(last), message), last);
            let mut chart = None;
            for other in defaults.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, other)| other) {
                match &other.chart {
                    Some(name) => {
                        chart = Some(other.title());
                        report.related(other.place, format!("{name} makes {} the default by itself", other.title()));
                    }
                    None => {
                        report.related(place(other), format!("{} too", other.title()));
                    }
                }
            }
            match chart {
                Some(_) => report.help(
                    "remove this `isDefault`, or set `grafana.sidecar.datasources.isDefaultDatasource: false` so that \
                     the chart's own is none",
                ),
                None => report.help("leave `isDefault: true` at one of them"),
            };
            if instance.operator {
                report.severity(Severity::Warning);
            }
        }
    }
}

/// Where `isDefault` is written.
fn place(datasource: &Datasource) -> Span {
    let written = datasource.entry.as_ref().and_then(|entry| entry.get("isDefault"));
    written.map_or(datasource.place, |node| node.span)
}
