//! Flux: Kustomizations and HelmReleases to apps.

mod helm_release;
mod instance;
mod kustomization;
mod post_build;

use std::collections::BTreeMap;

pub(super) use helm_release::helm_release;
pub(super) use instance::{instance, instance_of_chart};
pub(super) use kustomization::kustomization;
pub use post_build::Substitution;

use super::inventory::Inventory;
use super::own_repository::Votes;
use super::{Declaration, Declarations};
use crate::files::Files;
use crate::kubernetes::Object;
use crate::source::RepoPath;
use crate::yaml::Node;

/// Counts the paths under each GitRepository's URL that exist here.
pub(super) fn vote(object: &Object, all: &[Object], files: &Files, votes: &mut BTreeMap<String, Votes>) {
    // What sets up Flux names the repository that it is to follow.
    let sync = [&["spec", "sync"][..], &["spec", "values", "instance", "sync"]];
    let sync = sync.into_iter().find_map(|path| object.root.at(path)).filter(|_| is_instance(object));
    if let Some((url, path)) = sync.and_then(|sync| Some((sync.str_at(&["url"])?, sync.str_at(&["path"])?)))
        && let Some(path) = RepoPath::root().join(path).filter(|path| !path.as_str().is_empty())
    {
        votes.entry(url.to_owned()).or_default().paths += usize::from(files.sources.entry(&path).is_some());
    }
    if !object.id.is("kustomize.toolkit.fluxcd.io", "Kustomization") {
        return;
    }
    let name = object.root.str_at(&["spec", "sourceRef", "name"]);
    let is_source = |other: &&Object| other.id.kind == "GitRepository" && Some(other.id.name.as_str()) == name;
    let url = all.iter().find(is_source).and_then(|source| source.root.str_at(&["spec", "url"]));
    let path = object.root.str_at(&["spec", "path"]).and_then(|path| RepoPath::root().join(path));
    if let (Some(url), Some(path)) = (url, path.filter(|path| !path.as_str().is_empty())) {
        votes.entry(url.to_owned()).or_default().paths += usize::from(files.sources.entry(&path).is_some());
    }
}

fn is_instance(object: &Object) -> bool {
    object.id.is("fluxcd.controlplane.io", "FluxInstance") || object.id.kind == "HelmRelease"
}

/// The source that a reference names. Without a namespace it is that of the object that refers.
fn source<'a>(reference: &Node, namespace: &str, declarations: &'a Declarations) -> Option<&'a Declaration> {
    let kind = reference.get("kind").and_then(Node::as_text)?;
    let name = reference.get("name").and_then(Node::as_text)?;
    let namespace = reference.get("namespace").and_then(Node::as_text).unwrap_or(namespace);
    let mut named = declarations.named(kind, name);
    // What no one put into a namespace may still be put there by someone outside.
    let first = declarations.named(kind, name).next();
    named.find(|other| other.namespace() == namespace).or(first)
}

impl Declaration {
    /// The namespace it ends up in, as far as that is known.
    pub fn namespace(&self) -> &str {
        if self.object.id.namespace.is_empty() { &self.namespace } else { &self.object.id.namespace }
    }

    /// The ConfigMap of this name in its namespace: of those built together with it, else the nearest of those written
    /// anywhere. Each cluster has one of its own.
    fn config_map<'a>(&'a self, name: &str, inventory: &'a Inventory, files: &Files) -> Option<&'a Object> {
        let namespace = self.namespace();
        let is_named = |object: &&Object| {
            let own = object.id.namespace.as_str();
            object.id.name == name && (own.is_empty() || namespace.is_empty() || own == namespace)
        };
        let together = self.config_maps.iter().find(is_named);
        let written = || inventory.config_maps(name).filter(is_named);
        together.or_else(|| inventory.nearest(written(), self.object.root.span.file, files))
    }
}
