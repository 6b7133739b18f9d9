//! Flux: Kustomizations and HelmReleases to apps.

mod helm_release;
mod kustomization;

use std::collections::BTreeMap;

pub(super) use helm_release::helm_release;
pub(super) use kustomization::kustomization;

use super::Declaration;
use crate::files::Files;
use crate::kubernetes::Object;
use crate::source::RepoPath;
use crate::yaml::Node;

/// Counts the paths under each GitRepository's URL that exist here.
pub(super) fn vote(object: &Object, all: &[Object], files: &Files, votes: &mut BTreeMap<String, usize>) {
    if !object.id.is("kustomize.toolkit.fluxcd.io", "Kustomization") {
        return;
    }
    let name = object.root.str_at(&["spec", "sourceRef", "name"]);
    let is_source = |other: &&Object| other.id.kind == "GitRepository" && Some(other.id.name.as_str()) == name;
    let url = all.iter().find(is_source).and_then(|source| source.root.str_at(&["spec", "url"]));
    let path = object.root.str_at(&["spec", "path"]).and_then(|path| RepoPath::root().join(path));
    if let (Some(url), Some(path)) = (url, path.filter(|path| !path.as_str().is_empty())) {
        *votes.entry(url.to_owned()).or_default() += usize::from(files.sources.entry(&path).is_some());
    }
}

/// The source that a reference names. Without a namespace it is that of the object that refers.
fn source<'a>(reference: &Node, namespace: &str, declarations: &'a [Declaration]) -> Option<&'a Declaration> {
    let kind = reference.get("kind").and_then(Node::as_text)?;
    let name = reference.get("name").and_then(Node::as_text)?;
    let namespace = reference.get("namespace").and_then(Node::as_text).unwrap_or(namespace);
    let mut named = declarations.iter().filter(|other| other.object.id.kind == kind && other.object.id.name == name);
    let first = named.clone().next();
    // What no one put into a namespace may still be put there by someone outside.
    named.find(|other| other.namespace() == namespace).or(first)
}

impl Declaration {
    /// The namespace it ends up in, as far as that is known.
    pub fn namespace(&self) -> &str {
        if self.object.id.namespace.is_empty() { &self.namespace } else { &self.object.id.namespace }
    }
}
