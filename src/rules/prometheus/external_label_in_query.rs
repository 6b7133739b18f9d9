//! See `rules/prometheus/prometheus-external-label-in-query.md`.

use super::labels::{self, Coverage, Prometheus};
use super::selected::{Selection, refusal, selection};
use crate::repository::{Cluster, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// A label that Prometheus puts on what leaves it.
struct External<'a> {
    name: &'a str,
    value: &'a str,
    place: Span,
}

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let all = labels::all(repository);
    for prometheus in &all {
        // A rule could be for any Prometheus of the cluster, and a ruler of Thanos or Mimir sees the label.
        let alone = all.iter().filter(|other| other.cluster == prometheus.cluster).count() == 1;
        let here = || repository.apps.iter().filter(|app| Cluster::of(app) == prometheus.cluster);
        let is_ruler = |object: &crate::kubernetes::Object| object.id.is("monitoring.coreos.com", "ThanosRuler");
        if !alone
            || here().any(|app| {
                app.objects.iter().any(is_ruler)
                    || app.releases.iter().any(|release| {
                        let chart = release.chart.name.as_str();
                        ["thanos", "mimir", "cortex", "victoria-metrics"].iter().any(|name| chart.contains(name))
                    })
            })
        {
            continue;
        }
        for external in externals(prometheus, repository) {
            for app in here() {
                let rules = app.objects.iter().filter(|object| object.id.is("monitoring.coreos.com", "PrometheusRule"));
                for object in rules {
                    if refusal(prometheus, "PrometheusRule", "ruleSelector", object, app, repository).is_some() {
                        continue;
                    }
                    findings.about(Some(app), Some(object));
                    if let Some(spec) = object.root.get("spec") {
                        of_groups(spec, &external, findings);
                    }
                }
            }
            // The chart labels its own rules for its own choice of rules.
            if matches!(selection(prometheus, "ruleSelector"), Selection::Matching(_)) {
                continue;
            }
            findings.about(Some(prometheus.app), None);
            let maps = prometheus.values.and_then(|values| values.written("additionalPrometheusRulesMap"));
            for entry in maps.map(Node::entries).unwrap_or_default() {
                of_groups(&entry.value, &external, findings);
            }
        }
    }
}

/// The external labels that no series of this Prometheus has.
fn externals<'a>(prometheus: &Prometheus<'a>, repository: &'a Repository) -> Vec<External<'a>> {
    let labels = prometheus.spec.and_then(|spec| spec.get("externalLabels")).map(Node::entries).unwrap_or_default();
    let external = labels.iter().filter_map(|entry| {
        let name = entry.key.text.as_str();
        let value = entry.value.as_text().filter(|value| !value.is_empty() && !value.contains(['{', '$']))?;
        let Coverage::Some(sources) = prometheus.coverage(name, repository) else { return None };
        let is_written = sources.default_metric.is_some() || !sources.target.is_empty() || !sources.metric.is_empty();
        (!is_written && !is_recorded(name, prometheus, repository)).then_some(External {
            name,
            value,
            place: entry.key.span,
        })
    });
    external.collect()
}

/// Whether a rule gives its series the label.
fn is_recorded(label: &str, prometheus: &Prometheus<'_>, repository: &Repository) -> bool {
    let of_chart = |path: &str| prometheus.values.is_some_and(|values| values.written(path).is_some());
    let in_rules =
        |spec: &Node| rules(spec).any(|rule| rule.at(&["labels", label]).is_some() && rule.get("record").is_some());
    of_chart("defaultRules.additionalRuleLabels")
        || of_chart("defaultRules.additionalRuleGroupLabels")
        || repository
            .objects_of("monitoring.coreos.com", "PrometheusRule")
            .filter_map(|(_, object)| object.root.get("spec"))
            .any(in_rules)
}

fn rules(root: &Node) -> impl Iterator<Item = &Node> {
    let groups = root.get("groups").map(Node::items).unwrap_or_default();
    groups.iter().filter_map(|group| group.get("rules")).flat_map(Node::items)
}

fn of_groups(root: &Node, external: &External<'_>, findings: &mut Findings<'_>) {
    let External { name, value, place } = external;
    for rule in rules(root) {
        let Some(expression) = rule.get("expr") else { continue };
        if !expression.as_str().is_some_and(|text| asks_for(text, name, value)) {
            continue;
        }
        let what = match rule.str_at(&["alert"]) {
            Some(alert) => format!("the alert {alert} never fires"),
            None => "the rule records nothing".to_owned(),
        };
        let message = format!(
            "`{name}=\"{value}\"` is an external label: Prometheus puts it on what it sends away, and its own series have none, \
             so {what}"
        );
        findings
            .report(expression.span, message)
            .related(*place, "put on what leaves Prometheus")
            .help(format!("leave `{name}` out of the expression, or give it to all series with a relabeling"));
    }
}

/// Whether an expression wants a label to have just this value.
fn asks_for(expression: &str, label: &str, value: &str) -> bool {
    expression.match_indices(label).any(|(at, _)| {
        let before = expression.get(..at).unwrap_or_default().trim_end();
        let after = expression.get(at + label.len()..).unwrap_or_default().trim_start();
        let wanted = after.strip_prefix("=~").or_else(|| after.strip_prefix('=')).map(str::trim_start);
        let quoted = |quote: char| {
            wanted
                .and_then(|wanted| wanted.strip_prefix(quote)?.strip_prefix(value))
                .is_some_and(|end| end.starts_with(quote))
        };
        before.ends_with(['{', ',']) && (quoted('"') || quoted('\''))
    })
}
