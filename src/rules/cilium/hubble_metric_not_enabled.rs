//! See `rules/cilium/cilium-hubble-metric-not-enabled.md`.

use crate::helm::Release;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
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

fn check(release: &Release, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    if release.chart.name != "cilium" || release.incomplete {
        return;
    }
    let at = |path: &[&str]| release.values.at(path);
    let on = |path: &[&str]| at(path).and_then(Node::as_bool);
    let dashboards = ["hubble", "metrics", "dashboards", "enabled"];
    if on(&["hubble", "enabled"]) == Some(false) || on(&dashboards) != Some(true) {
        return;
    }
    let Some(enabled) = at(&["hubble", "metrics", "enabled"]).filter(|enabled| !enabled.items().is_empty()) else {
        return;
    };
    let texts: Option<Vec<&str>> = enabled.items().iter().map(Node::as_text).collect();
    // An entry is a plugin with options: `dns:query;ignoreAAAA`. One that can't be known may be any plugin.
    let Some(texts) = texts else { return };
    let plugins: Vec<&str> = texts.iter().filter_map(|text| text.split([':', ';']).next()).map(str::trim).collect();
    if texts.iter().any(|text| text.contains('$') || text.contains("{{")) {
        return;
    }
    let missing: Vec<&(&str, &str)> = NEEDED.iter().filter(|(plugin, _)| !plugins.contains(plugin)).collect();
    let names = |of: fn(&(&'static str, &'static str)) -> &'static str| {
        let names: Vec<String> = missing.iter().map(|entry| format!("`{}`", of(entry))).collect();
        match names.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
            _ => names.concat(),
        }
    };
    let (plugins, series) = (names(|(plugin, _)| plugin), names(|(_, series)| series));
    let reason = match missing.len() {
        0 => return,
        1 => format!("the plugin {plugins} exports; it is"),
        _ => format!("the plugins {plugins} export; they are"),
    };
    let key = release.values.at(&["hubble", "metrics"]).and_then(Node::as_mapping).and_then(|map| map.entry("enabled"));
    let span = key.map_or(enabled.span, |entry| entry.key.span);
    let message = format!(
        "the Hubble dashboards that the chart installs query {series}, which only {reason} not enabled, so their panels \
         show \"No data\""
    );
    let report = findings.report(span, message);
    if let Some(switch) = release.values.at(&dashboards) {
        report.related(switch.span, "this installs the dashboards");
    }
    report.help(format!("add {plugins} to the list, or do not install the dashboards"));
}
