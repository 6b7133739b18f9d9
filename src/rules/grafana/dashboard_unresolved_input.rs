//! See `rules/grafana/grafana-dashboard-unresolved-input.md`.

use std::collections::{BTreeMap, BTreeSet};

use super::dashboard;
use crate::repository::Repository;
use crate::rules::flux::substituted_apps;
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    let substituted = substituted_apps(repository);
    for dashboard in dashboard::all(repository, |text| text.contains("${DS_") || text.contains("$DS_")) {
        if substituted.contains(dashboard.app.app.name.as_str()) {
            continue;
        }
        for (input, places) in unresolved(&dashboard.root) {
            let Some(first) = places.first() else { continue };
            let message = format!(
                "the dashboard {} takes its datasource from `${{{input}}}`, an input that Grafana asks for when somebody \
                 imports a dashboard by hand; loaded from a file its panels show `Datasource ${{{input}}} was not found`",
                dashboard.file
            );
            let report = findings.report(*first, message);
            report.apps = vec![dashboard.app.app.name.clone()];
            report.object = Some(dashboard.object.id.to_string());
            report.help(format!(
                "add a variable {input} of type `datasource` to `templating.list`, or write the datasource's uid"
            ));
            if places.len() > 1 {
                report.label(format!("and at {} more places", places.len() - 1));
            }
        }
    }
}

/// Inputs that stand for a datasource and that no variable of the dashboard defines, with the places where they stand.
fn unresolved(dashboard: &Node) -> BTreeMap<String, Vec<Span>> {
    let variables = dashboard.at(&["templating", "list"]).map(Node::items).unwrap_or_default();
    let variables: BTreeSet<&str> = variables.iter().filter_map(|variable| variable.str_at(&["name"])).collect();
    let mut found: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    let mut open = vec![dashboard];
    while let Some(node) = open.pop() {
        for entry in node.entries() {
            open.push(&entry.value);
            if entry.key.text != "datasource" {
                continue;
            }
            let value = entry.value.get("uid").unwrap_or(&entry.value);
            if let Some(name) = value.as_str().and_then(input).filter(|name| !variables.contains(name)) {
                found.entry(name.to_owned()).or_default().push(value.span);
            }
        }
        open.extend(node.items());
    }
    found.values_mut().for_each(|places| places.sort());
    found
}

/// The input that a text consists of. Grafana's export gives all of them names with `DS_`.
fn input(text: &str) -> Option<&str> {
    let name = text.strip_prefix('$')?;
    let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
    let word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    (name.starts_with("DS_") && word).then_some(name)
}
