//! The root of a cluster that the Flux Operator sets up: a FluxInstance, or the chart flux-instance, which makes one. Its
//! `sync` becomes a source and a Kustomization in the cluster, neither of which is in Git.

use super::super::inventory::Inventory;
use super::super::{App, Declaration, Declarations};
use super::kustomization;
use crate::files::Files;
use crate::helm::Release;
use crate::kubernetes::Object;
use crate::yaml::{Entry, Key, Mapping, Node};

/// The chart that makes a FluxInstance of its values.
pub(super) const CHART: &str = "flux-instance";

/// The app that a FluxInstance makes; `None` if it syncs nothing.
pub(in crate::gitops) fn instance(
    declaration: &Declaration,
    declarations: &Declarations,
    inventory: &Inventory,
    files: &Files,
) -> Option<App> {
    let sync = declaration.object.root.at(&["spec", "sync"])?;
    root(sync, declaration, declarations, inventory, files)
}

/// The same for the values of the chart, in the release that `declaration` makes.
pub(in crate::gitops) fn instance_of_chart(
    release: &Release,
    declaration: &Declaration,
    declarations: &Declarations,
    inventory: &Inventory,
    files: &Files,
) -> Option<App> {
    let sync = release.values.at(&["instance", "sync"]).filter(|_| release.chart.name == CHART)?;
    root(sync, declaration, declarations, inventory, files)
}

fn root(
    sync: &Node,
    declaration: &Declaration,
    declarations: &Declarations,
    inventory: &Inventory,
    files: &Files,
) -> Option<App> {
    let path = sync.get("path").filter(|path| path.as_text().is_some_and(|path| !path.is_empty()))?;
    // A path of an artifact is one within it, and nobody says what the artifact was made of.
    let url = sync.get("url").and_then(Node::as_text).unwrap_or_default();
    if sync.str_at(&["kind"]).is_some_and(|kind| kind != "GitRepository") || !inventory.own.may_be_own(url) {
        return None;
    }
    let by = path.span;
    let namespace = match declaration.namespace() {
        "" => "flux-system",
        namespace => namespace,
    };
    // The operator names both objects after the namespace, if nothing else is said.
    let name = Node::string(sync.get("name").and_then(Node::as_text).unwrap_or(namespace), by);
    let entry = |key: &str, value: Node| Entry { key: Key::new(key, by), value };
    let map = |entries: Vec<Entry>| Node::mapping(Mapping::from_iter(entries), by);
    let reference = map(vec![entry("kind", Node::string("GitRepository", by)), entry("name", name.clone())]);
    let object = Object::new(map(vec![
        entry("apiVersion", Node::string("kustomize.toolkit.fluxcd.io/v1", by)),
        entry("kind", Node::string("Kustomization", by)),
        entry("metadata", map(vec![entry("name", name), entry("namespace", Node::string(namespace, by))])),
        entry("spec", map(vec![entry("path", path.clone()), entry("sourceRef", reference)])),
    ]))?;
    let declaration = Declaration { object, ..declaration.clone() };
    Some(kustomization(&declaration, declarations, inventory, files))
}
