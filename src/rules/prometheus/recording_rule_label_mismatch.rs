//! See `rules/prometheus/prometheus-recording-rule-label-mismatch.md`.

use super::labels::{self, Coverage, Prometheus};
use crate::finding::{Finding, Severity};
use crate::repository::Cluster;
use crate::repository::Repository;
use crate::rules::charts::{self, Values};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    let all = labels::all(repository);
    for prometheus in &all {
        for label in findings.texts("labels") {
            // Scraped series get the label from metric relabelings too; only `up` goes without.
            let lacks = match prometheus.coverage(label, repository) {
                Coverage::FullOrUnknown => false,
                Coverage::Some(sources) => sources.default_metric.is_none(),
            };
            if !lacks {
                continue;
            }
            if let Some(values) = prometheus.values {
                of_chart(values, label, prometheus, findings);
            }
            // A rule could be for any Prometheus of the cluster.
            if all.iter().filter(|other| other.cluster == prometheus.cluster).count() == 1 {
                of_objects(label, prometheus, repository, findings);
            }
        }
    }
}

/// Labels that the chart puts on its own rules.
fn of_chart(values: Values<'_>, label: &str, prometheus: &Prometheus<'_>, findings: &mut Findings<'_>) {
    let since = values.facts.version("ruleLabelsReachRecordingRulesSince");
    let version = charts::version(values.release);
    let alerts_only = version.as_ref().zip(since.as_ref()).is_some_and(|(version, since)| version < since);
    if alerts_only || values.get("defaultRules.create").bool() != Some(true) {
        return;
    }
    let everywhere = values.written("defaultRules.additionalRuleLabels");
    let groups = values.written("defaultRules.additionalRuleGroupLabels").map(Node::entries).unwrap_or_default();
    let records = values.facts.list("recordingRuleGroups");
    let recording = groups.iter().filter(|group| records.iter().any(|name| name.as_str() == Some(&group.key.text)));
    for labels in everywhere.into_iter().chain(recording.map(|group| &group.value)) {
        let Some((span, value)) = written_label(labels, label) else { continue };
        let message = format!(
            "the chart puts {label}={value:?} on its recording rules too, but scraped series have no label `{label}`: \
             dashboard panels that combine both, such as CPU and memory quota, show \"No data\""
        );
        let report = findings.report(span, message);
        explain(report, label, prometheus);
        if version.is_none() {
            report.severity(Severity::Warning);
        }
    }
    let maps = ["additionalPrometheusRulesMap", "customRules"].into_iter().filter_map(|key| values.written(key));
    let lists = values.written("additionalPrometheusRules").map(Node::items).unwrap_or_default();
    for rules in maps.flat_map(Node::entries).map(|entry| &entry.value).chain(lists) {
        of_groups(rules, label, prometheus, (&prometheus.app.app.name, None), findings);
    }
}

/// Labels in PrometheusRule objects of the cluster.
fn of_objects(label: &str, prometheus: &Prometheus<'_>, repository: &Repository, findings: &mut Findings<'_>) {
    let rules = repository.objects_of("monitoring.coreos.com", "PrometheusRule");
    for (app, object) in rules.filter(|(app, _)| Cluster::of(app) == prometheus.cluster) {
        if let Some(spec) = object.root.get("spec") {
            of_groups(spec, label, prometheus, (&app.app.name, Some(object.id.to_string())), findings);
        }
    }
}

/// Labels of recording rules below `groups`.
fn of_groups(
    root: &Node,
    label: &str,
    prometheus: &Prometheus<'_>,
    (app, object): (&str, Option<String>),
    findings: &mut Findings<'_>,
) {
    let groups = root.get("groups").map(Node::items).unwrap_or_default();
    for rule in groups.iter().filter_map(|group| group.get("rules")).flat_map(Node::items) {
        let Some(record) = rule.str_at(&["record"]) else { continue };
        let Some((span, value)) = rule.get("labels").and_then(|labels| written_label(labels, label)) else { continue };
        let message = format!(
            "the recording rule {record} carries {label}={value:?}, but scraped series have no label `{label}`: queries \
             that combine both find no data"
        );
        let report = findings.report(span, message);
        explain(report, label, prometheus);
        report.apps = vec![app.to_owned()];
        report.object.clone_from(&object);
    }
}

/// Key and value of a label that is not empty; the empty label is the one that every series has.
fn written_label<'a>(labels: &'a Node, label: &str) -> Option<(Span, &'a str)> {
    let entry = labels.as_mapping()?.entry(label)?;
    let value = entry.value.as_text().unwrap_or("…");
    (!value.is_empty() && !entry.value.is_null()).then_some((entry.key.span, value))
}

fn explain(report: &mut Finding, label: &str, prometheus: &Prometheus<'_>) {
    report.apps = vec![prometheus.app.app.name.clone()];
    report.label("recorded series get it, scraped ones do not");
    if let Some(external) = prometheus.external_label(label) {
        report.related(external, "this one is only put on what leaves Prometheus; local queries do not see it");
    }
    report.help(format!(
        "remove it; `externalLabels` is enough for alerts and remote storage. To have `{label}` on all series, write it \
         with `relabelings` in a default scrape class"
    ));
}
