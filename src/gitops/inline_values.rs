//! Values of charts that stand inside a declaration rather than in a values file of their own: in an Application, a
//! HelmRelease, a kustomization, a HelmChart of k3s, or a ConfigMap that a HelmRelease takes values from.
//!
//! They are given as they are written, one document at a time. What a release gets of them is merged elsewhere.

use super::Inventory;
use crate::yaml::Node;

/// How deep an ApplicationSet is searched: its sources stand at most this deep.
const MAX_DEPTH: usize = 10;

/// The values that a document holds: maps, and texts with YAML in them.
pub fn inline_values<'a>(root: &'a Node, inventory: &Inventory) -> Vec<&'a Node> {
    let at = |path: &[&str]| root.at(path).into_iter().collect();
    let version = root.str_at(&["apiVersion"]).unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    match (group, root.str_at(&["kind"])) {
        ("argoproj.io", Some("Application" | "ApplicationSet")) => of_sources(root),
        ("helm.toolkit.fluxcd.io", Some("HelmRelease")) => at(&["spec", "values"]),
        ("helm.cattle.io", Some("HelmChart" | "HelmChartConfig")) => at(&["spec", "valuesContent"]),
        ("", Some("ConfigMap")) => {
            let keys = inventory.values_keys(root.str_at(&["metadata", "name"]).unwrap_or_default());
            keys.filter_map(|key| root.get("data")?.get(key)).collect()
        }
        ("", Some("HelmChartInflationGenerator")) => at(&["valuesInline"]),
        ("kustomize.config.k8s.io", _) | ("", None) => {
            let charts = root.get("helmCharts").map(Node::items).unwrap_or_default();
            charts.iter().filter_map(|chart| chart.get("valuesInline")).collect()
        }
        _ => Vec::new(),
    }
}

/// `helm.valuesObject` and `helm.values` of every source, also of those in a generator's template.
fn of_sources(root: &Node) -> Vec<&Node> {
    let mut found = Vec::new();
    let mut open: Vec<(&Node, usize)> = root.get("spec").map(|spec| (spec, 0)).into_iter().collect();
    while let Some((node, depth)) = open.pop() {
        for entry in node.entries() {
            if entry.key.text == "helm" {
                found.extend(["valuesObject", "values"].iter().filter_map(|field| entry.value.get(field)));
            }
        }
        let children = node.entries().iter().filter(|entry| entry.key.text != "helm").map(|entry| &entry.value);
        let children = children.chain(node.items());
        open.extend(children.filter(|_| depth < MAX_DEPTH).map(|child| (child, depth + 1)));
    }
    found
}
