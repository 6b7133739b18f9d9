//! Where a label of a series comes from.
//!
//! A relabeling of a target gives the label to every series of that target, `up` included. A metric relabeling gives it to
//! scraped series only: `up` and `scrape_*` are made by Prometheus itself. An external label is put on what leaves
//! Prometheus, and no local query sees it. A default scrape class holds for every monitor. Source: Prometheus,
//! configuration, `metric_relabel_configs`; prometheus-operator, `scrapeClasses`.

use crate::kubernetes::Object;
use crate::repository::Cluster;
use crate::repository::{BuiltApp, Repository};
use crate::rules::charts::Values;
use crate::source::Span;
use crate::yaml::{Node, Value};

/// One Prometheus.
pub(super) struct Prometheus<'a> {
    /// The app that brings it.
    pub(super) app: &'a BuiltApp,
    /// The release, if it is kube-prometheus-stack's.
    pub(super) values: Option<Values<'a>>,
    /// The Prometheus object, if it is not a chart that makes it.
    pub(super) object: Option<&'a Object>,
    /// The Prometheus object's spec, or what the chart puts there; `None` if nobody wrote any of it.
    pub(super) spec: Option<&'a Node>,
    /// The cluster it scrapes.
    pub(super) cluster: Cluster,
}

/// Which series have a label.
pub(super) enum Coverage {
    /// All of them, or it can't be known.
    FullOrUnknown,
    /// Those of some monitors, or none.
    Some(Sources),
}

/// What gives a label to some series, and who goes without.
#[derive(Default)]
pub(super) struct Sources {
    /// Metric relabeling of the default scrape class.
    pub(super) default_metric: Option<Span>,
    /// Relabelings of targets that write a fixed value.
    pub(super) target: Vec<Span>,
    /// Metric relabelings that write a fixed value.
    pub(super) metric: Vec<Span>,
    /// Monitors without either: how messages name them, and where they are written.
    pub(super) lacking: Vec<(String, Option<Span>)>,
}

/// Every Prometheus of the repository that the prometheus-operator runs.
pub(super) fn all(repository: &Repository) -> Vec<Prometheus<'_>> {
    let mut all = Vec::new();
    for app in &repository.apps {
        let cluster = Cluster::of(app);
        for release in app.releases.iter().filter(|release| release.chart.name == "kube-prometheus-stack") {
            let Some(values) = Values::of(release) else { continue };
            if values.get("prometheus.enabled").bool() == Some(true) {
                let spec = values.written("prometheus.prometheusSpec");
                all.push(Prometheus { app, values: Some(values), object: None, spec, cluster: cluster.clone() });
            }
        }
        for object in app.objects.iter().filter(|object| object.id.is("monitoring.coreos.com", "Prometheus")) {
            let spec = object.root.get("spec");
            all.push(Prometheus { app, values: None, object: Some(object), spec, cluster: cluster.clone() });
        }
    }
    all
}

impl Prometheus<'_> {
    /// The external label of this name, which local queries do not see.
    pub(super) fn external_label(&self, label: &str) -> Option<Span> {
        let labels = self.spec?.get("externalLabels")?.as_mapping()?;
        labels.entry(label).map(|entry| entry.key.span)
    }

    /// Which of the series that this Prometheus scrapes have the label.
    pub(super) fn coverage(&self, label: &str, repository: &Repository) -> Coverage {
        let unknown = |key: &str| self.spec.and_then(|spec| spec.get(key)).is_some_and(Node::is_unknown);
        let incomplete = self.values.is_some_and(|values| values.release.incomplete);
        if incomplete || self.spec.is_some_and(Node::is_unknown) || unknown("scrapeClasses") || self.copies(label) {
            return Coverage::FullOrUnknown;
        }
        let mut sources = Sources::default();
        let classes = self.spec.and_then(|spec| spec.get("scrapeClasses")).map(Node::items).unwrap_or_default();
        for class in classes.iter().filter(|class| class.get("default").and_then(Node::as_bool) == Some(true)) {
            if writers(class.get("relabelings"), label).next().is_some() {
                return Coverage::FullOrUnknown;
            }
            sources.default_metric = writers(class.get("metricRelabelings"), label).next().map(|(span, _)| span);
        }
        for app in repository.apps.iter().filter(|app| Cluster::of(app) == self.cluster) {
            for release in &app.releases {
                sources.scan(&release.values, label);
            }
            for object in app.objects.iter().filter(|object| is_monitor(object)) {
                if !sources.scan(&object.root, label) && !object.id.is("monitoring.coreos.com", "ScrapeConfig") {
                    sources.lacking.push((object.id.to_string(), Some(object.name_span())));
                }
            }
        }
        if let Some(values) = self.values {
            sources.lacking.extend(chart_monitors_without(values, label));
        }
        Coverage::Some(sources)
    }

    /// Whether the label is copied from pods or services, where presync does not follow it.
    fn copies(&self, label: &str) -> bool {
        let listed = |key: &str| {
            let names = self.spec.and_then(|spec| spec.get(key)).map(Node::items).unwrap_or_default();
            names.iter().any(|name| name.as_str() == Some(label))
        };
        listed("podTargetLabels") || listed("targetLabels")
    }
}

impl Sources {
    /// Looks through values or a monitor for relabelings that write the label. Whether there are any.
    fn scan(&mut self, root: &Node, label: &str) -> bool {
        let before = self.target.len() + self.metric.len();
        let mut open = vec![root];
        while let Some(node) = open.pop() {
            if node.get("enabled").and_then(Node::as_bool) == Some(false) {
                continue;
            }
            for entry in node.entries() {
                match kind(&entry.key.text) {
                    Some(true) => self.target.extend(fixed(&entry.value, label)),
                    Some(false) => self.metric.extend(fixed(&entry.value, label)),
                    None if entry.key.text == "scrapeClasses" => {}
                    None => open.extend((!matches!(entry.value.value, Value::Scalar(_))).then_some(&entry.value)),
                }
            }
            open.extend(node.items());
        }
        self.target.sort();
        self.metric.sort();
        self.target.len() + self.metric.len() > before
    }
}

/// Whether a key holds relabelings of targets (`true`) or of metrics (`false`). What is relabeled on its way to another
/// system does not count.
fn kind(key: &str) -> Option<bool> {
    let key = key.to_ascii_lowercase().replace('_', "");
    if key.starts_with("write") || key.contains("alert") {
        return None;
    }
    let relabels = key.ends_with("relabelings") || key.ends_with("relabelconfigs");
    relabels.then(|| !key.ends_with("metricrelabelings") && !key.ends_with("metricrelabelconfigs"))
}

/// Relabelings in a list that write the label: where the label is written, and the relabeling.
fn writers<'a>(list: Option<&'a Node>, label: &str) -> impl Iterator<Item = (Span, &'a Node)> {
    let rules = list.map(Node::items).unwrap_or_default();
    rules.iter().filter_map(move |rule| {
        let target = rule.get("targetLabel").or_else(|| rule.get("target_label"))?;
        let action = rule.get("action").and_then(Node::as_str);
        let replaces = action.is_none_or(|action| action.eq_ignore_ascii_case("replace"));
        (target.as_str() == Some(label) && replaces).then_some((target.span, rule))
    })
}

/// Those that write a fixed value. One that copies another label, such as the name of a database cluster, says something
/// else than which Kubernetes cluster a series is from.
fn fixed(list: &Node, label: &str) -> impl Iterator<Item = Span> {
    writers(Some(list), label).filter_map(|(span, rule)| {
        let text = rule.get("replacement").and_then(Node::as_text).unwrap_or("$1");
        let captures = |(at, _): (usize, &str)| {
            let after = text.get(at + 1..).unwrap_or_default().trim_start_matches('{');
            after.starts_with(|first: char| first.is_ascii_digit())
        };
        (!text.is_empty() && !text.match_indices('$').any(captures)).then_some(span)
    })
}

fn is_monitor(object: &Object) -> bool {
    object.id.group == "monitoring.coreos.com"
        && matches!(object.id.kind.as_str(), "ServiceMonitor" | "PodMonitor" | "ScrapeConfig")
}

/// The chart's own monitors that are on and do not write the label.
fn chart_monitors_without<'a>(values: Values<'a>, label: &'a str) -> impl Iterator<Item = (String, Option<Span>)> + 'a {
    values.facts.list("monitors").iter().filter_map(move |monitor| {
        let at = monitor.str_at(&["at"])?;
        let switch = values.written(monitor.str_at(&["enabled"])?);
        let off = switch.and_then(Node::as_bool) == Some(false);
        let written = values.written(at);
        let mut own = Sources::default();
        let has = written.is_some_and(|written| own.scan(written, label));
        (!off && !has).then(|| (format!("`{at}`"), written.map(|written| written.span)))
    })
}
