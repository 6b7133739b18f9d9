//! See `rules/cilium/cilium-hubble-metric-not-enabled.md`.

use std::collections::{BTreeMap, BTreeSet};

use crate::helm::{Binding, Release};
use crate::repository::{BuiltApp, Cluster, Repository};
use crate::rules::grafana::dashboard;
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Release(check);

/// Plugins that the chart's network overview and DNS dashboards need, and a series that each exports.
/// Source: cilium/cilium, `install/kubernetes/cilium/files/hubble/dashboards`, and Hubble's metrics documentation.
const NEEDED: [(&str, &str); 5] = [
    ("dns", "hubble_dns_queries_total"),
    ("drop", "hubble_drop_total"),
    ("flow", "hubble_flows_processed_total"),
    ("icmp", "hubble_icmp_total"),
    ("tcp", "hubble_tcp_flags_total"),
];

/// What the names of series start with, and the plugin that exports them. Source: Hubble's metrics documentation.
const EXPORTED: [(&str, &str); 11] = [
    ("hubble_dns_", "dns"),
    ("hubble_drop_", "drop"),
    ("hubble_flows_processed_", "flow"),
    ("hubble_flows_to_world_", "flows-to-world"),
    ("hubble_http_", "httpV2"),
    ("hubble_icmp_", "icmp"),
    ("hubble_kafka_", "kafka"),
    ("hubble_policy_verdicts_", "policy"),
    ("hubble_port_distribution_", "port-distribution"),
    ("hubble_sctp_", "sctp"),
    ("hubble_tcp_flags_", "tcp"),
];

/// A series that a dashboard of the repository queries.
struct Query {
    series: String,
    dashboard: String,
    place: Span,
}

fn check(release: &Release, app: &BuiltApp, repository: &Repository, findings: &mut Findings<'_>) {
    if release.chart.name != "cilium" || release.incomplete {
        return;
    }
    let at = |path: &[&str]| release.values.at(path);
    let on = |path: &[&str]| at(path).and_then(Node::as_bool);
    let dynamic = at(&["hubble", "metrics", "dynamic", "enabled"]).is_some_and(|on| on.as_bool() != Some(false));
    if on(&["hubble", "enabled"]) == Some(false) || dynamic {
        return;
    }
    let enabled = at(&["hubble", "metrics", "enabled"]);
    let Some(plugins) = plugins(enabled, release) else { return };
    let metrics = at(&["hubble", "metrics"]).and_then(Node::as_mapping);
    let switch = at(&["hubble", "metrics", "dashboards", "enabled"]).filter(|switch| switch.as_bool() == Some(true));
    let key = metrics.and_then(|map| map.entry("enabled")).map(|entry| entry.key.span);
    let place = key.or(switch.map(|switch| switch.span)).unwrap_or(release.chart_span);
    let mut missing: BTreeMap<&str, &str> = BTreeMap::new();
    if let Some(switch) = switch {
        missing.extend(NEEDED.into_iter().filter(|(plugin, _)| !plugins.contains(plugin)));
        tell("panels of the Hubble dashboards that the chart installs query", &missing, place, findings, |report| {
            if place != switch.span {
                report.related(switch.span, "this installs the dashboards");
            }
            report.help(format!(
                "add {} to `hubble.metrics.enabled`, or do not install the dashboards",
                list(missing.keys())
            ));
        });
    }
    let mut own: BTreeMap<&str, Query> = BTreeMap::new();
    for (plugin, query) in queries(release, app, repository) {
        let has = |name: &str| plugins.contains(&name) || missing.contains_key(name);
        let is_exported = has(plugin) || plugin == "httpV2" && has("http");
        if !is_exported {
            own.entry(plugin).or_insert(query);
        }
    }
    let series: BTreeMap<&str, &str> = own.iter().map(|(plugin, query)| (*plugin, query.series.as_str())).collect();
    let names: BTreeSet<&str> = own.values().map(|query| query.dashboard.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let subject = match names.as_slice() {
        [only] => format!("panels of the dashboard {only} query"),
        several => format!("panels of the dashboards {} query", several.join(", ")),
    };
    tell(&subject, &series, place, findings, |report| {
        for query in own.values() {
            report.related(query.place, format!("queries `{}`", query.series));
        }
        report.help(format!("add {} to `hubble.metrics.enabled`", list(series.keys())));
    });
}

/// The plugins that are on; none where the chart's own default holds. `None` if they can't be known.
fn plugins<'a>(enabled: Option<&'a Node>, release: &Release) -> Option<Vec<&'a str>> {
    let Some(enabled) = enabled.filter(|enabled| !enabled.is_null()) else {
        let is_chart = release.chart.directory.is_none() && release.binding == Binding::Declared;
        return is_chart.then(Vec::new);
    };
    let texts: Vec<&str> = enabled.as_sequence()?.iter().map(Node::as_text).collect::<Option<_>>()?;
    // An entry is a plugin with options: `dns:query;ignoreAAAA`. One that can't be known may be any plugin.
    if texts.iter().any(|text| text.contains('$') || text.contains("{{")) {
        return None;
    }
    Some(texts.into_iter().filter_map(|text| text.split([':', ';']).next()).map(str::trim).collect())
}

/// What the dashboards that the repository gives to Grafana query of Hubble, with the plugin that exports it.
fn queries(release: &Release, app: &BuiltApp, repository: &Repository) -> Vec<(&'static str, Query)> {
    let cluster = Cluster::of(app);
    let others = repository.apps.iter().filter(|other| Cluster::of(other) == cluster).flat_map(|other| &other.releases);
    // Another Cilium of what looks like one cluster, such as that of a second one, may export what this one does not.
    if others.filter(|other| other.chart.name == release.chart.name).count() > 1 {
        return Vec::new();
    }
    let mut found = Vec::new();
    for file in dashboard::loaded(repository) {
        if Cluster::of(file.app) != cluster || series(file.text()).next().is_none() {
            continue;
        }
        let Some(dashboard) = file.read(repository) else { continue };
        let mut open = vec![&dashboard.root];
        while let Some(node) = open.pop() {
            open.extend(node.items());
            open.extend(node.entries().iter().map(|entry| &entry.value));
            let Some(expression) = node.get("expr") else { continue };
            found.extend(series(expression.as_str().unwrap_or_default()).map(|(plugin, series)| {
                let (series, dashboard) = (series.to_owned(), dashboard.file.to_owned());
                (plugin, Query { series, dashboard, place: expression.span })
            }));
        }
    }
    found.sort_by_key(|(_, query)| query.place);
    found
}

/// The series of Hubble's plugins that a text speaks of, with their plugins.
fn series(text: &str) -> impl Iterator<Item = (&'static str, &str)> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':';
    text.match_indices("hubble_").filter_map(move |(at, _)| {
        let whole = !text.get(..at).unwrap_or_default().ends_with(is_word);
        let name = text.get(at..).unwrap_or_default();
        let name = name.split(|letter: char| !is_word(letter)).next().unwrap_or_default();
        let (_, plugin) = EXPORTED.iter().find(|(prefix, _)| name.starts_with(prefix)).filter(|_| whole)?;
        Some((*plugin, name))
    })
}

fn tell(
    subject: &str,
    missing: &BTreeMap<&str, &str>,
    place: Span,
    findings: &mut Findings<'_>,
    complete: impl FnOnce(&mut crate::finding::Finding),
) {
    let (plugins, series) = (list(missing.keys()), list(missing.values()));
    let reason = match missing.len() {
        0 => return,
        1 => format!("the plugin {plugins} exports; it is"),
        _ => format!("the plugins {plugins} export; they are"),
    };
    let message = format!("{subject} {series}, which only {reason} not enabled, so they show \"No data\"");
    complete(findings.report(place, message));
}

/// Names as an enumeration.
fn list<T: std::fmt::Display>(names: impl Iterator<Item = T>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}
