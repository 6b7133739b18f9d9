//! See `rules/telegraf/telegraf-docker-input.md`.

use toml_edit::Item;

use semver::Version;

use super::configuration::{all, inputs_of, releases};
use crate::helm::Release;
use crate::repository::Repository;
use crate::rules::{Check, Findings, charts};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// The first chart telegraf-ds that does not ask Docker unless it is told to. Source: influxdata/helm-charts.
const QUIET: Version = Version::new(1, 1, 43);

const HELP: &str =
    "collect with `[[inputs.kubernetes]]`, whose measurements are `kubernetes_pod_container` and the like";

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    for configuration in all(repository) {
        findings.about(Some(configuration.app), Some(configuration.object));
        for table in configuration.inputs("docker") {
            let endpoint = table.get("endpoint").and_then(Item::as_str).unwrap_or("unix:///var/run/docker.sock");
            if !endpoint.starts_with("unix://") {
                continue;
            }
            tell(endpoint, configuration.place(table, None, repository), HELP, findings);
        }
    }
    for (app, release) in releases(repository) {
        findings.about(Some(app), None);
        for plugin in inputs_of(release, "docker") {
            let written = plugin.get("endpoint").filter(|endpoint| !endpoint.is_null());
            let endpoint = written.map_or(Some("unix:///var/run/docker.sock"), Node::as_text);
            if let Some(endpoint) = endpoint.filter(|endpoint| endpoint.starts_with("unix://")) {
                tell(endpoint, written.unwrap_or(plugin).span, "use the input `kubernetes` instead", findings);
            }
        }
        if let Some((endpoint, place)) = of_node_agent(release) {
            tell(endpoint, place, "write `config: {docker_endpoint: \"\"}`, or use the chart from 1.1.43 on", findings);
        }
    }
}

/// Where the chart telegraf-ds asks Docker: what is written, or its default of former releases.
fn of_node_agent(release: &Release) -> Option<(&str, Span)> {
    let config = release.values.get("config");
    // A configuration that is written whole takes the place of all others.
    let whole = config.and_then(|config| config.get("override_config")).is_some();
    if release.chart.name != "telegraf-ds" || whole || config.is_some_and(Node::is_unknown) {
        return None;
    }
    match config.and_then(|config| config.get("docker_endpoint")) {
        Some(node) => node.as_text().filter(|text| text.starts_with("unix://")).map(|text| (text, node.span)),
        None if release.incomplete || release.chart.directory.is_some() => None,
        None => {
            let place = release.version_span.unwrap_or(release.chart_span);
            (charts::version(release)? < QUIET).then_some(("unix:///var/run/docker.sock", place))
        }
    }
}

fn tell(endpoint: &str, place: Span, help: &str, findings: &mut Findings<'_>) {
    let message = format!(
        "telegraf asks Docker at {endpoint}. Since Kubernetes 1.24 nodes run containers without it: the plugin only logs \
         errors, and every dashboard on `docker_container_…` is empty"
    );
    findings.report(place, message).label("nodes have no Docker").help(help);
}
