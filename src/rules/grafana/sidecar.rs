//! The sidecar of the chart `grafana`, which copies ConfigMaps and Secrets into Grafana's directories.

use crate::helm::Release;
use crate::kubernetes::Object;
use crate::repository::BuiltApp;
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

impl Sidecar {
    /// The sidecar for `kind`, which is `datasources` or `dashboards`.
    pub(crate) fn of(grafana: Values<'_>, kind: &str, release: &Release, app: &BuiltApp) -> Self {
        let get = |key: &str| grafana.get(&format!("sidecar.{kind}.{key}"));
        let text = |key: &str| get(key).text().map(str::to_owned);
        let own = if release.namespace.is_empty() { &app.app.destination.namespace } else { &release.namespace };
        Self {
            enabled: get("enabled").bool(),
            label: text("label"),
            value: text("labelValue"),
            namespaces: namespaces(get("searchNamespace"), own),
            unique_names: grafana.get("sidecar.enableUniqueFilenames").bool() == Some(true),
        }
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
