//! See `rules/prometheus/prometheus-monitor-not-selected.md`.

use super::labels::{self, Prometheus};
use super::selected::{Refusal, Selection, refusal, selection};
use crate::helm::Release;
use crate::repository::Cluster;
use crate::repository::{BuiltApp, Repository};
use crate::rules::charts::Values;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// A kind, the field of a Prometheus that selects it, and what does not happen to one that is not selected.
const KINDS: [(&str, &str, &str); 5] = [
    ("ServiceMonitor", "serviceMonitorSelector", "its targets are never scraped"),
    ("PodMonitor", "podMonitorSelector", "its targets are never scraped"),
    ("Probe", "probeSelector", "its targets are never probed"),
    ("ScrapeConfig", "scrapeConfigSelector", "its targets are never scraped"),
    ("PrometheusRule", "ruleSelector", "its rules are never evaluated"),
];

/// Charts that read the operator's objects with selectors of their own.
const OTHER_READERS: [&str; 5] = [
    "grafana-agent",
    "k8s-monitoring",
    "opentelemetry-operator",
    "victoria-metrics-k8s-stack",
    "victoria-metrics-operator",
];

/// Kinds of objects that read the operator's objects with selectors of their own.
const OTHER_READING_KINDS: [&str; 5] =
    ["PrometheusAgent", "ThanosRuler", "VMAgent", "VMAlert", "OpenTelemetryCollector"];

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    let all = labels::all(repository);
    if all.is_empty() || others_read(repository) {
        return;
    }
    for app in &repository.apps {
        let cluster = Cluster::of(app);
        let here: Vec<&Prometheus<'_>> = all.iter().filter(|prometheus| prometheus.cluster == cluster).collect();
        if here.is_empty() {
            continue;
        }
        for release in &app.releases {
            of_chart(release, app, &here, findings);
        }
        for object in app.objects.iter().filter(|object| object.id.group == "monitoring.coreos.com") {
            let Some((kind, field, effect)) = KINDS.iter().find(|(kind, ..)| *kind == object.id.kind) else { continue };
            let refusals: Option<Vec<Refusal>> =
                here.iter().map(|prometheus| refusal(prometheus, kind, field, object, app, repository)).collect();
            let Some(refusal) = refusals.and_then(|refusals| refusals.into_iter().next()) else { continue };
            let labels = object.root.at(&["metadata", "labels"]).map_or(object.name_span(), |labels| labels.span);
            let mut selector = None;
            let (place, why, help) = match refusal {
                Refusal::Labels(why) => {
                    let stack = here.iter().any(|prometheus| prometheus.values.is_some());
                    (labels, why, help(kind, field, stack))
                }
                Refusal::Selector { why, written, mend } => {
                    selector = Some(written);
                    (labels, why, mend)
                }
                Refusal::Namespace { why, mend } => {
                    let place = object.root.at(&["metadata", "namespace"]).map_or(object.name_span(), |own| own.span);
                    (place, why, mend)
                }
            };
            let report = findings.report(place, format!("no Prometheus takes this {kind}, so {effect}: {why}"));
            report.object = Some(object.id.to_string());
            report.apps = vec![app.app.name.clone()];
            if let Some(selector) = selector {
                report.related(selector, format!("the `{field}`"));
            }
            report.help(help);
        }
    }
}

fn help(kind: &str, field: &str, stack: bool) -> String {
    if stack {
        return format!(
            "add the label, or let Prometheus take every {kind}: with kube-prometheus-stack, set \
             `prometheus.prometheusSpec.{field}NilUsesHelmValues: false`"
        );
    }
    format!("add the label, or let Prometheus take every {kind}: write `{field}: {{}}` in its `spec`")
}

/// ServiceMonitors that a chart makes, as far as presync knows the chart.
fn of_chart(release: &Release, app: &BuiltApp, here: &[&Prometheus<'_>], findings: &mut Findings<'_>) {
    let Some(values) = Values::of(release).filter(|_| !release.incomplete) else { return };
    for monitor in values.facts.list("monitors") {
        let (Some(at), Some(labels)) = (monitor.str_at(&["at"]), monitor.str_at(&["labels"])) else { continue };
        let Some((parent, key)) = at.rsplit_once('.') else { continue };
        let Some(entry) = values.written(parent).and_then(Node::as_mapping).and_then(|map| map.entry(key)) else {
            continue;
        };
        let is_on = |node: &Node| node.as_bool() == Some(true) || !node.items().is_empty();
        let needed = monitor.str_at(&["needs"]).is_none_or(|path| values.written(path).is_some_and(is_on));
        if !needed || !entry.value.get("enabled").is_some_and(is_on) {
            continue;
        }
        let own = [entry.value.get(labels), values.written("commonLabels")];
        let refusals: Option<Vec<&str>> = here
            .iter()
            .map(|prometheus| match selection(prometheus, "serviceMonitorSelector") {
                Selection::OfRelease(name) => {
                    let label = own.iter().flatten().find_map(|labels| labels.get("release"));
                    let taken = label.is_some_and(|label| label.as_text().is_none_or(|label| label == name));
                    (!taken && own.iter().flatten().all(|labels| !labels.is_unknown())).then_some(name)
                }
                // The chart gives labels of its own, which a selector may ask for.
                _ => None,
            })
            .collect();
        let Some(name) = refusals.and_then(|names| names.into_iter().next()) else { continue };
        let message = format!(
            "no Prometheus takes the ServiceMonitor that the chart {} makes of `{at}`, so its targets are never scraped: \
             kube-prometheus-stack takes each ServiceMonitor with the label `release: {name}`",
            release.chart.name
        );
        let report = findings.report(entry.key.span, message);
        report.apps = vec![app.app.name.clone()];
        report.help(format!(
            "add `release: {name}` under `{at}.{labels}`, or set \
             `prometheus.prometheusSpec.serviceMonitorSelectorNilUsesHelmValues: false` for kube-prometheus-stack"
        ));
    }
}

fn others_read(repository: &Repository) -> bool {
    let mut charts = repository.apps.iter().flat_map(|app| &app.releases);
    let mut objects = repository.apps.iter().flat_map(|app| &app.objects);
    charts.any(|release| {
        let ruler = release.values.at(&["thanosRuler", "enabled"]).and_then(Node::as_bool) == Some(true);
        // Alloy reads them only with components of that name, which few have beside a Prometheus.
        let configuration = release.values.at(&["alloy", "configMap", "content"]).and_then(Node::as_str);
        let alloy = release.chart.name == "alloy";
        ruler
            || OTHER_READERS.contains(&release.chart.name.as_str())
            || alloy && configuration.is_some_and(|text| text.contains("prometheus.operator."))
    }) || objects.any(|object| OTHER_READING_KINDS.contains(&object.id.kind.as_str()))
}
