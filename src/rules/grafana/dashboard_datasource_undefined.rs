//! See `rules/grafana/grafana-dashboard-datasource-undefined.md`.

use std::collections::{BTreeMap, BTreeSet};

use super::dashboard;
use super::datasources::is_placeholder;
use super::instance::instances;
use crate::finding::{Severity, nearest};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// What Grafana itself understands.
const BUILT_IN: [&str; 9] = [
    "-- Grafana --",
    "-- Mixed --",
    "-- Dashboard --",
    "grafana",
    "__expr__",
    "-100",
    "default",
    "-- Default --",
    "null",
];

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    let instances = instances(repository);
    // Which Grafana shows a dashboard is not always clear: the uid must be missing from all of them, and all be known.
    let is_known = instances.iter().all(|instance| instance.declared && instance.knows_every_uid());
    if instances.is_empty() || !is_known {
        return;
    }
    let all = || instances.iter().flat_map(|instance| &instance.datasources);
    let known: BTreeSet<&str> =
        all().flat_map(|datasource| [datasource.uid.text(), datasource.name.text()]).flatten().collect();
    let is_open = instances.iter().any(|instance| instance.open.is_some());
    for dashboard in dashboard::all(repository, |text| text.contains("\"datasource\"")) {
        for (uid, places) in uids(&dashboard.root) {
            let Some(first) = places.first().filter(|_| !known.contains(uid.as_str())) else { continue };
            if repository.config.is_external("GrafanaDatasource", "", &uid) {
                continue;
            }
            let message = format!(
                "the dashboard {} asks a datasource with the uid `{uid}`, and none in this repository has it: its panels show \
                 `Datasource {uid} was not found`",
                dashboard.file
            );
            let report = findings.report(*first, message);
            report.apps = vec![dashboard.app.app.name.clone()];
            report.object = dashboard.object.map(|object| object.id.to_string());
            if is_open {
                report.severity(Severity::Info);
            }
            if places.len() > 1 {
                report.label(format!("and at {} more places", places.len() - 1));
            }
            match nearest(&uid, known.iter().copied()) {
                Some(near) => report.help(format!("did you mean `{near}`?")),
                None => report.help(
                    "write the uid of a datasource that is provisioned, or a variable of type `datasource`, so that the \
                     dashboard fits any Grafana",
                ),
            };
        }
    }
}

/// The uids of datasources that a dashboard names, with their places. Names of the time before uids are left out.
fn uids(dashboard: &Node) -> BTreeMap<String, Vec<Span>> {
    let mut found: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    let mut open = vec![dashboard];
    while let Some(node) = open.pop() {
        for entry in node.entries() {
            open.push(&entry.value);
            let uid = entry.value.get("uid").filter(|_| entry.key.text == "datasource");
            let Some((text, span)) = uid.and_then(|uid| Some((uid.as_str()?, uid.span))) else { continue };
            if !text.is_empty() && !is_placeholder(text) && !BUILT_IN.contains(&text) && !text.starts_with("[[") {
                found.entry(text.to_owned()).or_default().push(span);
            }
        }
        open.extend(node.items());
    }
    found.values_mut().for_each(|places| places.sort());
    found
}
