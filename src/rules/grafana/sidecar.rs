//! The sidecar of the chart `grafana`, which copies ConfigMaps and Secrets into Grafana's directories.

use std::collections::BTreeSet;

use crate::helm::Release;
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Cluster, Repository};
use crate::rules::charts::{Setting, Values};
use crate::yaml::Node;

/// What the sidecar of one release looks for.
pub(crate) struct Sidecar {
    /// Whether it runs; `None` if that can't be known.
    pub(crate) enabled: Option<bool>,
    /// The label's key.
    pub(crate) label: Option<String>,
    /// The label's value; empty for any.
    pub(crate) value: Option<String>,
    /// Namespaces it searches.
    namespaces: Namespaces,
    unique_names: bool,
}

enum Namespaces {
    All,
    Only(Vec<String>),
    Unknown,
}

/// A Grafana that a chart of this repository installs.
pub(super) struct Grafana<'a> {
    /// Its own values: the release's, or those of the subchart.
    pub(super) values: Values<'a>,
    /// The release.
    pub(super) release: &'a Release,
    /// The app that brings it.
    pub(super) app: &'a BuiltApp,
    /// Whether the chart installs it; `None` if that can't be known.
    pub(super) runs: Option<bool>,
}

/// Every Grafana of the charts that presync knows, those that are switched off included.
pub(super) fn grafanas(repository: &Repository) -> Vec<Grafana<'_>> {
    let releases = repository.apps.iter().flat_map(|app| app.releases.iter().map(move |release| (app, release)));
    let known = releases.filter_map(|(app, release)| {
        let values = Values::of(release)?;
        match release.chart.name.as_str() {
            "grafana" => Some(Grafana { values, release, app, runs: Some(true) }),
            "kube-prometheus-stack" => {
                let runs = values.get("grafana.enabled").bool();
                Some(Grafana { values: values.subchart("grafana"), release, app, runs })
            }
            _ => None,
        }
    });
    known.collect()
}

/// Labels by which the sidecars of the repository's Grafanas find `kind`, the charts' default always among them.
pub(super) fn labels(repository: &Repository, kind: &str) -> BTreeSet<String> {
    let written = grafanas(repository)
        .into_iter()
        .filter_map(|grafana| grafana.values.get(&format!("sidecar.{kind}.label")).text().map(str::to_owned));
    written.chain([format!("grafana_{}", kind.trim_end_matches('s'))]).collect()
}

/// The sidecars for `kind` of every Grafana that runs, each with its cluster.
pub(super) fn known(repository: &Repository, kind: &str) -> Vec<(Cluster, Sidecar)> {
    let running = grafanas(repository).into_iter().filter(|grafana| grafana.runs != Some(false));
    running
        .map(|grafana| {
            let sidecar = Sidecar::of(grafana.values, kind, grafana.release, grafana.app);
            (Cluster::of(grafana.app), sidecar)
        })
        .collect()
}

/// Whether a sidecar of its cluster takes the object, or nobody can tell.
pub(super) fn may_select(sidecars: &[(Cluster, Sidecar)], object: &Object, app: &BuiltApp) -> bool {
    let own = Cluster::of(app);
    let mut here = sidecars.iter().filter(|(cluster, _)| *cluster == own).peekable();
    here.peek().is_none() || here.any(|(_, sidecar)| !sidecar.is_known() || sidecar.selects(object, app))
}

impl Sidecar {
    /// The sidecar for `kind`, which is `datasources` or `dashboards`.
    pub(crate) fn of(grafana: Values<'_>, kind: &str, release: &Release, app: &BuiltApp) -> Self {
        let get = |key: &str| grafana.get(&format!("sidecar.{kind}.{key}"));
        let text = |key: &str| get(key).text().map(str::to_owned);
        let own = if release.namespace.is_empty() { &app.app.destination.namespace } else { &release.namespace };
        Self {
            enabled: get("enabled").bool(),
            label: text("label"),
            // Helm takes a null for a key that is not there, and a sidecar without a value for any.
            value: match grafana.node_or_null(&format!("sidecar.{kind}.labelValue")) {
                Some(node) if node.is_null() => Some(String::new()),
                _ => text("labelValue"),
            },
            namespaces: namespaces(get("searchNamespace"), own),
            unique_names: grafana.get("sidecar.enableUniqueFilenames").bool() == Some(true),
        }
    }

    /// Whether all its settings are known.
    pub(super) fn is_known(&self) -> bool {
        let namespaces = !matches!(self.namespaces, Namespaces::Unknown);
        namespaces && self.enabled.is_some() && self.label.is_some() && self.value.is_some()
    }

    /// Whether it takes this object: `false` where that can't be known.
    pub(crate) fn selects(&self, object: &Object, app: &BuiltApp) -> bool {
        let (Some(true), Some(label), Some(wanted)) = (self.enabled, &self.label, &self.value) else { return false };
        let Some(value) = object.root.at(&["metadata", "labels", label]).and_then(Node::as_text) else { return false };
        (wanted.is_empty() || wanted == value) && self.searches(namespace(object, app)).unwrap_or(false)
    }

    /// Whether it searches this namespace; `None` if that can't be known.
    pub(crate) fn searches(&self, namespace: &str) -> Option<bool> {
        match &self.namespaces {
            Namespaces::All => Some(true),
            Namespaces::Unknown => None,
            // An object without a namespace follows its app, and one without a destination could be anywhere.
            Namespaces::Only(_) if namespace.is_empty() => Some(true),
            Namespaces::Only(names) => Some(names.iter().any(|name| name == namespace)),
        }
    }

    /// The name under which a file of an object stands in Grafana's directory.
    pub(crate) fn file_name(&self, key: &str, object: &Object, app: &BuiltApp) -> String {
        if !self.unique_names {
            return key.to_owned();
        }
        let kind = object.id.kind.to_ascii_lowercase();
        format!("namespace_{}.{kind}_{}.{key}", namespace(object, app), object.id.name)
    }
}

/// The namespace an object is created in, as far as it is known; else empty.
pub(crate) fn namespace<'a>(object: &'a Object, app: &'a BuiltApp) -> &'a str {
    if object.id.namespace.is_empty() { &app.app.destination.namespace } else { &object.id.namespace }
}

fn namespaces(setting: Setting<'_>, own: &str) -> Namespaces {
    let names: Vec<String> = match setting {
        Setting::Written(node) if node.as_sequence().is_some() => {
            node.items().iter().filter_map(Node::as_text).map(str::to_owned).collect()
        }
        other => match other.text() {
            Some(text) => text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect(),
            None => return Namespaces::Unknown,
        },
    };
    if names.iter().any(|name| name == "ALL") {
        return Namespaces::All;
    }
    if names.is_empty() && own.is_empty() {
        return Namespaces::All;
    }
    Namespaces::Only(if names.is_empty() { vec![own.to_owned()] } else { names })
}
