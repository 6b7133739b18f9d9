//! Which apps a repository deploys, and from which files: Argo CD, Flux, static pods, and what is found on disk.
//!
//! An app is what a controller would sync. This module reads the declarations and binds them to paths; building them is
//! left to `kustomize` and `helm`, which `repository` calls.

use crate::source::{RepoPath, Span};
use crate::yaml::Node;

/// Something that is deployed as one.
#[derive(Clone, Debug)]
pub struct App {
    /// Name: of the Application or Kustomization, else the directory.
    pub name: String,
    /// What says that it is deployed.
    pub declared: Declared,
    /// Where to, as far as it is known.
    pub destination: Destination,
    /// Argo CD project; empty for others.
    pub project: String,
    /// What it is made of.
    pub sources: Vec<AppSource>,
}

/// What says that an app is deployed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Declared {
    /// An Argo CD Application, or one that an ApplicationSet makes; the place is its name.
    ArgoApplication(Span),
    /// A Flux Kustomization.
    FluxKustomization(Span),
    /// A Flux HelmRelease.
    FluxHelmRelease(Span),
    /// Nothing: a kustomization that no other includes.
    Kustomization,
    /// Nothing: a chart with values of its own.
    Chart,
    /// Nothing: a directory of manifests.
    Directory,
    /// The kubelet: a directory of static pods.
    StaticPods,
}

/// Where an app is deployed to. Empty where nobody says.
#[derive(Clone, Debug, Default)]
pub struct Destination {
    /// Cluster, by name or server URL.
    pub cluster: String,
    /// Namespace for objects that have none.
    pub namespace: String,
}

/// One part of an app.
#[derive(Clone, Debug)]
pub struct AppSource {
    /// Where the source is written; `None` for roots found on disk.
    pub span: Option<Span>,
    /// What it is.
    pub kind: SourceKind,
}

/// What a source is, decided as Argo CD decides it.
#[derive(Clone, Debug)]
pub enum SourceKind {
    /// A kustomization, with the controller's own changes laid over it.
    Kustomize {
        /// The directory.
        directory: RepoPath,
        /// See [`crate::kustomize::Options::overlay`].
        overlay: Option<Node>,
        /// Whether the controller lets it read files outside its directory.
        load_anywhere: bool,
    },
    /// A chart with values.
    Helm(Box<crate::helm::Release>),
    /// Manifests as they are.
    Directory {
        /// The files, sorted.
        files: Vec<RepoPath>,
    },
    /// Another repository, a plugin, a template that needs a cluster; in words.
    Unresolved(String),
}

/// Finds every app of the repository.
pub fn discover(files: &crate::files::Files) -> Vec<App> {
    // Until the controllers' declarations are read, every manifest belongs to one app.
    let is_yaml = |path: &RepoPath| matches!(path.extension(), Some("yaml" | "yml" | "json"));
    let manifests: Vec<RepoPath> = files.sources.files().iter().map(|file| file.path.clone()).filter(is_yaml).collect();
    vec![App {
        name: ".".to_owned(),
        declared: Declared::Directory,
        destination: Destination::default(),
        project: String::new(),
        sources: vec![AppSource { span: None, kind: SourceKind::Directory { files: manifests } }],
    }]
}
