//! See `rules/prometheus/prometheus-monitor-not-selected.md`.

use super::labels::{self, Prometheus};
use crate::kubernetes::{Object, selects};
use crate::repository::Repository;
use crate::rules::cluster::Cluster;
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
const OTHER_READERS: [&str; 6] = [
    "alloy",
    "grafana-agent",
    "k8s-monitoring",
    "opentelemetry-operator",
    "victoria-metrics-k8s-stack",
    "victoria-metrics-operator",
];

/// Kinds of objects that read the operator's objects with selectors of their own.
const OTHER_READING_KINDS: [&str; 5] =
    ["PrometheusAgent", "ThanosRuler", "VMAgent", "VMAlert", "OpenTelemetryCollector"];

/// What a Prometheus takes of one kind.
enum Selection<'a> {
    Everything,
    /// Objects that match a selector.
    Matching(&'a Node),
    /// kube-prometheus-stack's own choice where the user writes no selector: objects labelled with the release.
    OfRelease(&'a str),
    Nothing,
    Unknown,
}

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
        for object in app.objects.iter().filter(|object| object.id.group == "monitoring.coreos.com") {
            let Some((kind, field, effect)) = KINDS.iter().find(|(kind, ..)| *kind == object.id.kind) else { continue };
            let refusals: Option<Vec<String>> =
                here.iter().map(|prometheus| refusal(prometheus, kind, field, object)).collect();
            let Some(wanted) = refusals.and_then(|refusals| refusals.into_iter().next()) else { continue };
            let label = object.root.at(&["metadata", "labels"]).map_or(object.name_span(), |labels| labels.span);
            let report = findings.report(label, format!("no Prometheus takes this {kind}, so {effect}: {wanted}"));
            report.object = Some(object.id.to_string());
            report.apps = vec![app.app.name.clone()];
            report.help(format!(
                "add the label, or let Prometheus take every {kind}: with kube-prometheus-stack, set \
                 `prometheus.prometheusSpec.{field}NilUsesHelmValues: false`"
            ));
        }
    }
}

/// Why a Prometheus does not take an object; `None` if it does or if that can't be known.
fn refusal(prometheus: &Prometheus<'_>, kind: &str, field: &str, object: &Object) -> Option<String> {
    let labels = object.root.at(&["metadata", "labels"]);
    match selection(prometheus, field) {
        Selection::Everything | Selection::Unknown => None,
        Selection::Nothing => Some(format!("the one here has no `{field}` and takes none")),
        Selection::OfRelease(name) => {
            let own = labels.and_then(|labels| labels.get("release"));
            if own.is_some_and(|own| own.as_text().is_none_or(|own| own == name)) {
                return None;
            }
            Some(format!("kube-prometheus-stack takes each {kind} with the label `release: {name}`"))
        }
        Selection::Matching(selector) => {
            let taken = selects(selector, labels).unwrap_or(true);
            (!taken).then(|| format!("its labels do not match the `{field}`"))
        }
    }
}

fn selection<'a>(prometheus: &Prometheus<'a>, field: &str) -> Selection<'a> {
    if prometheus.spec.is_some_and(Node::is_unknown) {
        return Selection::Unknown;
    }
    let written = prometheus.spec.and_then(|spec| spec.get(field));
    let empty = |selector: &Node| selector.entries().is_empty();
    let Some(values) = prometheus.values else {
        return match written {
            None => Selection::Nothing,
            Some(selector) if selector.as_mapping().is_none() => Selection::Unknown,
            Some(selector) if empty(selector) => Selection::Everything,
            Some(selector) => Selection::Matching(selector),
        };
    };
    if let Some(selector) = written.filter(|selector| !empty(selector)) {
        return if selector.as_mapping().is_some() { Selection::Matching(selector) } else { Selection::Unknown };
    }
    let release = values.release.name.as_str();
    match values.get(&format!("prometheus.prometheusSpec.{field}NilUsesHelmValues")).bool() {
        Some(true) if !release.is_empty() => Selection::OfRelease(release),
        Some(false) => Selection::Everything,
        _ => Selection::Unknown,
    }
}

fn others_read(repository: &Repository) -> bool {
    let mut charts = repository.apps.iter().flat_map(|app| &app.releases);
    let mut objects = repository.apps.iter().flat_map(|app| &app.objects);
    charts.any(|release| {
        let ruler = release.values.at(&["thanosRuler", "enabled"]).and_then(Node::as_bool) == Some(true);
        ruler || OTHER_READERS.contains(&release.chart.name.as_str())
    }) || objects.any(|object| OTHER_READING_KINDS.contains(&object.id.kind.as_str()))
}
