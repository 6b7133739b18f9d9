//! What rules know of charts that are not at hand: the defaults of the values they read, from `rules/data/charts`.
//!
//! [`Values::get`] tells a value that somebody wrote from a chart's default and from one that can't be known. Rules that
//! can read the chart itself do not need this module.

use std::sync::OnceLock;

use semver::Version;

use crate::helm::Release;
use crate::source::{FileId, Span};
use crate::yaml::Node;

/// Facts about one chart.
pub(crate) struct Facts {
    root: Node,
    defaults: Vec<Default>,
}

struct Default {
    path: String,
    value: Node,
    since: Option<Version>,
}

/// The values of a release, with the chart's defaults behind them.
#[derive(Clone, Copy)]
pub(crate) struct Values<'a> {
    /// The release.
    pub(crate) release: &'a Release,
    /// Facts of the chart that is installed.
    pub(crate) facts: &'static Facts,
    /// Path of a subchart's values within the release's.
    below: &'static str,
}

/// A value as far as it is known.
#[derive(Clone, Copy)]
pub(crate) enum Setting<'a> {
    /// Somebody wrote it.
    Written(&'a Node),
    /// The chart's default.
    Default(&'static Node),
    /// It can't be known offline.
    Unknown,
}

impl Facts {
    /// Facts of the chart with this name; `None` if presync has none.
    pub(crate) fn of(chart: &str) -> Option<&'static Facts> {
        static FACTS: OnceLock<Vec<(String, Facts)>> = OnceLock::new();
        let texts = [
            include_str!("../../rules/data/charts/cilium.yaml"),
            include_str!("../../rules/data/charts/grafana.yaml"),
            include_str!("../../rules/data/charts/harbor.yaml"),
            include_str!("../../rules/data/charts/kube-prometheus-stack.yaml"),
            include_str!("../../rules/data/charts/topolvm.yaml"),
            include_str!("../../rules/data/charts/vault.yaml"),
        ];
        let facts = FACTS.get_or_init(|| texts.into_iter().filter_map(Facts::parse).collect());
        facts.iter().find(|(name, _)| name == chart).map(|(_, facts)| facts)
    }

    fn parse(text: &str) -> Option<(String, Facts)> {
        let root = crate::yaml::parse(FileId(0), text.as_bytes()).documents.first()?.root.clone()?;
        let chart = root.str_at(&["chart"])?.to_owned();
        let entries = root.get("defaults").map(Node::items).unwrap_or_default();
        let defaults = entries.iter().filter_map(|entry| {
            let since = entry.get("since").and_then(Node::as_text).and_then(|since| Version::parse(since).ok());
            Some(Default { path: entry.str_at(&["path"])?.to_owned(), value: entry.get("value")?.clone(), since })
        });
        Some((chart, Facts { defaults: defaults.collect(), root: root.clone() }))
    }

    /// A list of facts that belong to one rule.
    pub(crate) fn list(&self, name: &str) -> &[Node] {
        self.root.get(name).map(Node::items).unwrap_or_default()
    }

    /// A version that is one of the facts.
    pub(crate) fn version(&self, name: &str) -> Option<Version> {
        self.root.get(name).and_then(Node::as_text).and_then(|version| Version::parse(version).ok())
    }

    fn default(&self, path: &str, version: Option<&Version>) -> Option<&Node> {
        let holds = |since: &Version| version.is_none_or(|version| version >= since);
        let mut entries = self.defaults.iter().filter(|entry| entry.path == path);
        entries.rfind(|entry| entry.since.as_ref().is_none_or(holds)).map(|entry| &entry.value)
    }
}

impl<'a> Values<'a> {
    /// The values of a release whose chart is known; `None` for other charts.
    pub(crate) fn of(release: &'a Release) -> Option<Self> {
        Some(Self { release, facts: Facts::of(&release.chart.name)?, below: "" })
    }

    /// The same values as the subchart under `key` sees them.
    pub(crate) fn subchart(self, key: &'static str) -> Self {
        Self { below: key, ..self }
    }

    /// The value at a path of keys joined by dots.
    pub(crate) fn get(&self, path: &str) -> Setting<'a> {
        let keys = self.below.split('.').filter(|key| !key.is_empty()).chain(path.split('.'));
        let mut node = Some(&self.release.values);
        for key in keys {
            if node.is_some_and(Node::is_unknown) {
                return Setting::Unknown;
            }
            node = node.and_then(|node| node.get(key));
        }
        match node {
            Some(node) if node.is_unknown() => return Setting::Unknown,
            Some(node) if !node.is_null() => return Setting::Written(node),
            // A chart in the repository brings its own defaults, and may be another one of the same name.
            _ if self.release.incomplete || self.release.chart.directory.is_some() => return Setting::Unknown,
            _ => {}
        }
        let version = version(self.release);
        if self.below.is_empty() {
            return self.facts.default(path, version.as_ref()).map_or(Setting::Unknown, Setting::Default);
        }
        // The parent chart's values lie over the subchart's own, whose version the repository does not name.
        let parents = self.facts.default(&format!("{}.{path}", self.below), version.as_ref());
        let own = || Facts::of(self.below).and_then(|facts| facts.default(path, None));
        parents.or_else(own).map_or(Setting::Unknown, Setting::Default)
    }

    /// The node at a path of keys, which may hold dots themselves, if somebody wrote one.
    pub(crate) fn node(&self, path: &[&str]) -> Option<&'a Node> {
        let below = self.below.split('.').filter(|key| !key.is_empty());
        let mut keys = below.chain(path.iter().copied());
        keys.try_fold(&self.release.values, |node, key| node.get(key)).filter(|node| !node.is_null())
    }

    /// The node at a path of keys joined by dots, if somebody wrote one, be it a null.
    pub(crate) fn node_or_null(&self, path: &str) -> Option<&'a Node> {
        let mut keys = self.below.split('.').filter(|key| !key.is_empty()).chain(path.split('.'));
        keys.try_fold(&self.release.values, |node, key| node.get(key))
    }

    /// The node at a path of keys joined by dots, if somebody wrote one.
    pub(crate) fn written(&self, path: &str) -> Option<&'a Node> {
        match self.get(path) {
            Setting::Written(node) => Some(node),
            Setting::Default(_) | Setting::Unknown => None,
        }
    }
}

impl<'a> Setting<'a> {
    /// The items of a list, if it is known and one.
    pub(crate) fn items(self) -> Option<&'a [Node]> {
        self.node()?.as_sequence()
    }

    /// The boolean, if it is known.
    pub(crate) fn bool(self) -> Option<bool> {
        self.node()?.as_bool()
    }

    /// The text, if it is known and no template.
    pub(crate) fn text(self) -> Option<&'a str> {
        self.node()?.as_text().filter(|text| !text.contains("{{"))
    }

    /// Where the value is written; `None` for a default.
    pub(crate) fn span(self) -> Option<Span> {
        match self {
            Setting::Written(node) => Some(node.span),
            Setting::Default(_) | Setting::Unknown => None,
        }
    }

    /// The value, written or the chart's default; `None` if it can't be known.
    pub(crate) fn node(self) -> Option<&'a Node> {
        match self {
            Setting::Written(node) => Some(node),
            Setting::Default(node) => Some(node),
            Setting::Unknown => None,
        }
    }
}

/// The release's chart version, if it is an exact one.
pub(crate) fn version(release: &Release) -> Option<Version> {
    let text = release.chart.version.as_deref()?.trim();
    Version::parse(text.strip_prefix('v').unwrap_or(text)).ok()
}
