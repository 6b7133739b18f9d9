//! See `rules/grafana/grafana-datasource-influxdb-login.md`.

use super::about;
use super::datasources::Datasource;
use super::instance::instances;
use crate::kubernetes::Pod;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    let instances = instances(repository);
    let datasources = || instances.iter().flat_map(|instance| &instance.datasources);
    if !datasources().any(|datasource| kind(datasource) == Some("influxdb")) {
        return;
    }
    let servers = servers(repository);
    for datasource in datasources().filter(|datasource| kind(datasource) == Some("influxdb")) {
        let Some(entry) = &datasource.entry else { continue };
        let Some(url) = entry.get("url") else { continue };
        let is_filled =
            |path: &[&str]| entry.at(path).is_some_and(|node| !node.is_null() && node.as_text() != Some(""));
        // Versions that are asked in Flux or SQL know tokens instead of users.
        let is_other = entry.str_at(&["jsonData", "version"]).is_some_and(|version| version != "InfluxQL");
        let is_basic = entry.get("basicAuth").is_some_and(|on| on.as_bool() != Some(false));
        if is_other || is_basic || is_filled(&["user"]) || is_filled(&["secureJsonData"]) {
            continue;
        }
        let host = url.as_text().and_then(host);
        let Some((_, place)) = servers.iter().find(|(name, _)| host == Some(name.as_str())) else { continue };
        let message = format!(
            "{} asks InfluxDB without a user, and this InfluxDB wants one: every panel shows \"unable to parse authentication \
             credentials\"",
            datasource.title()
        );
        let report = about(findings.report(url.span, message), datasource);
        report.related(*place, "it asks everybody for a password");
        report.help("add `user`, and `secureJsonData: {password: …}` with a variable that a Secret fills");
    }
}

fn kind(datasource: &Datasource) -> Option<&str> {
    datasource.entry.as_ref()?.str_at(&["type"])
}

/// The first label of a URL's host, which in a cluster is a Service.
fn host(url: &str) -> Option<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', ':', '.']).next().filter(|label| !label.is_empty())
}

/// The names of InfluxDBs that want a user, as Services and pods are called after, with what says so.
fn servers(repository: &Repository) -> Vec<(String, Span)> {
    let mut found = Vec::new();
    for app in &repository.apps {
        for release in app.releases.iter().filter(|release| release.chart.name == "influxdb" && !release.incomplete) {
            let wants = release.values.at(&["config", "http", "auth-enabled"]);
            if let Some(wants) = wants.filter(|wants| wants.as_bool() == Some(true)) {
                let name = release.name.as_str();
                let full = if name.contains("influxdb") { name.to_owned() } else { format!("{name}-influxdb") };
                found.push((full, wants.span));
            }
        }
        for object in &app.objects {
            let Some(pod) = Pod::of(object) else { continue };
            let variables = pod.containers().filter_map(|container| container.node.get("env")).flat_map(Node::items);
            let named = |entry: &&Node| entry.str_at(&["name"]) == Some("INFLUXDB_HTTP_AUTH_ENABLED");
            let wants = variables.filter(named).find_map(|entry| entry.get("value"));
            if let Some(wants) = wants.filter(|wants| wants.as_text() == Some("true")) {
                found.push((object.id.name.to_string(), wants.span));
            }
        }
    }
    found
}
