//! Which releases of the programs behind custom resources a repository installs.
//!
//! Told by the version of a chart, where chart and program count alike (`rules/data/component-charts.tsv`), and by the
//! labels of Flux. Left out: image tags, charts that count their own versions.

use foldhash::{HashMap, HashMapExt};

use super::{Object, Target, Targets, Version};
use crate::source::Span;
use crate::yaml::Node;

/// A chart that the repository installs, as far as it tells a release.
#[derive(Clone, Copy, Debug)]
pub struct InstalledChart<'a> {
    /// Chart name.
    pub name: &'a str,
    /// Where the chart comes from.
    pub repository: &'a str,
    /// Version as written; a range tells nothing.
    pub version: &'a str,
    /// Where the version is written.
    pub span: Option<Span>,
    /// The values it gets.
    pub values: &'a Node,
}

/// Releases by component, under the names of the API lifecycle table.
#[derive(Clone, Debug, Default)]
pub struct Components(HashMap<&'static str, Targets>);

impl Components {
    /// What charts and objects tell.
    pub fn of<'a>(charts: impl Iterator<Item = InstalledChart<'a>>, objects: impl Iterator<Item = &'a Object>) -> Self {
        let table = include_str!("../../rules/data/component-charts.tsv").lines();
        let mut by_chart: HashMap<&str, (&'static str, &'static str)> = HashMap::new();
        for line in table.filter(|line| !line.starts_with('#')).skip(1) {
            let mut cells = line.split('\t');
            if let (Some(component), Some(chart), Some(unless)) = (cells.next(), cells.next(), cells.next()) {
                by_chart.insert(chart, (component, unless));
            }
        }
        let mut components: HashMap<&'static str, Targets> = HashMap::new();
        for chart in charts.filter(|chart| !chart.repository.contains("bitnami")) {
            let Some((component, unless)) = by_chart.get(chart.name) else { continue };
            let keys: Vec<&str> = unless.split('.').collect();
            let keeps_old_versions = chart.values.at(&keys).and_then(Node::as_bool) == Some(true);
            let Some(version) = Version::parse(chart.version).filter(|_| !keeps_old_versions) else { continue };
            components.entry(component).or_default().add(Target { version, span: chart.span });
        }
        for target in objects.filter_map(flux_release) {
            components.entry("flux").or_default().add(target);
        }
        Self(components)
    }

    /// The releases of a component; empty if nothing is known.
    pub fn get(&self, component: &str) -> Targets {
        self.0.get(component).copied().unwrap_or_default()
    }
}

/// Flux writes its release on the namespace it is installed to; its operator reads it from a FluxInstance.
fn flux_release(object: &Object) -> Option<Target> {
    let node = if object.id.is("", "Namespace") {
        let labels = object.root.at(&["metadata", "labels"])?;
        let of_flux = labels.str_at(&["app.kubernetes.io/part-of"]) == Some("flux");
        labels.get("app.kubernetes.io/version").filter(|_| of_flux)?
    } else if object.id.is("fluxcd.controlplane.io", "FluxInstance") {
        object.root.at(&["spec", "distribution", "version"])?
    } else {
        return None;
    };
    let text = Node::as_text(node)?;
    let version = Version::parse(text.strip_suffix(".x").unwrap_or(text))?;
    Some(Target { version, span: Some(node.span) })
}
