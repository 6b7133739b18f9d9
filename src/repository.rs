//! Everything a rule may look at: the files, the apps with their built objects and releases. Immutable.

pub mod belonging;
mod build;
mod cluster;
mod coverage;
pub mod graph;
mod kinds;
pub mod network;
mod since;

pub use cluster::Cluster;
pub use coverage::Coverage;
pub use since::{Placed, Since};

use std::sync::{Arc, OnceLock};

use crate::config::Config;
use crate::files::Files;
use crate::gitops::{App, Declared, FileClass, Inventory, SourceKind, Standing};
use crate::helm::Release;
use crate::kubernetes::{Components, Definitions, Distribution, InstalledChart, Object, Target, Targets};
use crate::kustomize;
use crate::source::Span;
use crate::source::{FileId, RepoPath};
use crate::unresolved::Unresolved;
use crate::yaml::Node;

/// A repository, read and built.
pub struct Repository {
    /// The files, parsed.
    pub files: Files,
    /// The user's settings.
    pub config: Config,
    /// Every app with what it is made of, in a stable order.
    pub apps: Vec<BuiltApp>,
    /// What the files are, and what they declare.
    pub inventory: Inventory,
    /// The Kubernetes releases that objects are judged for.
    pub targets: Targets,
    /// Every release that a file says a cluster runs; empty where the user says it.
    pub stated: Vec<Target>,
    /// The distributions of Kubernetes that the repository shows signs of.
    pub distributions: Vec<Distribution>,
    /// The releases of the programs behind custom resources.
    pub components: Components,
    /// The custom resources that the repository itself defines.
    pub definitions: Definitions,
    /// The state that it is compared with, if the user names one.
    pub since: Option<Arc<Since>>,
    kinds: kinds::Kinds,
    broken: OnceLock<Vec<graph::Broken>>,
    network: OnceLock<network::Network>,
}

/// An app and what would reach the cluster.
pub struct BuiltApp {
    /// The app.
    pub app: App,
    /// Its objects, in the order the controller would get them.
    pub objects: Vec<Object>,
    /// Its chart installations.
    pub releases: Vec<Release>,
    /// What went wrong while building.
    pub problems: Vec<kustomize::Problem>,
    /// Patches that found an object; see [`kustomize::Build::applied`].
    pub applied: Vec<Span>,
    /// Patches that changed an object; see [`kustomize::Build::effective`].
    pub effective: Vec<Span>,
    /// What could not be resolved: in the app's declaration, its values, its build. The objects and values are then
    /// not all there, or not all known.
    pub unresolved: Vec<Unresolved>,
    /// The cluster that it runs in, where several in the repository are their controllers' own: the name of the directory
    /// that is for it. Empty where one cluster, or what is declared, says enough.
    pub site: String,
}

impl Repository {
    /// Finds every app and builds it, in parallel.
    pub fn build(files: Files, config: Config) -> Self {
        let mut inventory = Inventory::read(&files, &config);
        let mut apps = build::apps(&files, &config, &inventory);
        cluster::tell_apart(&mut apps, &files, &inventory);
        let values: Vec<FileId> =
            apps.iter().flat_map(|app| &app.releases).flat_map(|release| release.files.clone()).collect();
        let declared = apps.iter().filter(|app| app.app.declared.span().is_some());
        let applied: Vec<FileId> = declared.flat_map(|app| files_of(app, &files)).collect();
        inventory.settle(&files, &values, &applied);
        let stated = if config.kubernetes.is_some() { Vec::new() } else { Target::stated(&files) };
        let targets = config.kubernetes.map_or_else(|| Targets::of(&stated), Targets::fixed);
        let distributions = Distribution::seen(&files);
        let definitions = Definitions::of(apps.iter().flat_map(|app| &app.objects));
        let charts = apps.iter().flat_map(|app| &app.releases).filter_map(installed);
        let components = Components::of(charts, apps.iter().flat_map(|app| &app.objects));
        let kinds = kinds::Kinds::of(&apps);
        let (broken, network) = (OnceLock::new(), OnceLock::new());
        let since = None;
        Self {
            files,
            config,
            apps,
            inventory,
            targets,
            stated,
            distributions,
            components,
            definitions,
            since,
            kinds,
            broken,
            network,
        }
    }

    /// The same, compared with an earlier state.
    #[must_use]
    pub fn compared(self, since: Option<Arc<Since>>) -> Self {
        Self { since, ..self }
    }

    /// References between objects that lead nowhere, in the order of the objects; followed at the first call.
    pub fn broken_references(&self) -> &[graph::Broken] {
        self.broken.get_or_init(|| graph::broken(self))
    }

    /// Network policies and the pods they are about; read at the first call.
    pub fn network(&self) -> &network::Network {
        self.network.get_or_init(|| network::Network::new(self))
    }

    /// Whether a file sets up a cluster, though no controller applies it: machine configurations of Talos, variables of
    /// Ansible. Rules read those, so a run over nothing else is one over something.
    pub fn speaks_of_cluster(&self, file: FileId) -> bool {
        if !crate::is_yaml(&self.files.sources.file(file).path)
            || self.config.skip.matches(&self.files.sources.file(file).path)
        {
            return false;
        }
        let stream = self.files.stream(file);
        let mut roots = stream.documents.iter().filter_map(|document| document.root.as_ref());
        let is_map = |root: &Node, key: &str| root.get(key).is_some_and(|value| value.as_mapping().is_some());
        self.stated.iter().any(|target| target.span.is_some_and(|span| span.file == file))
            || roots.any(|root| {
                root.get("kubelet_version").is_some() || is_map(root, "machine") && root.get("kind").is_none()
            })
    }

    /// The Kubernetes release of the cluster that a file is of; `None` where that is not known.
    pub fn release_at(&self, file: FileId) -> Option<Target> {
        if self.stated.is_empty() {
            return self.targets.highest;
        }
        let place = |file: FileId| self.files.sources.file(file).path.clone();
        let said = self.stated.iter().filter_map(|target| Some((place(target.span?.file), *target)));
        let versions = said.clone().map(|(place, target)| (place, target.version));
        let version = belonging::nearest(&place(file), versions)?;
        // Of the lines that say so, the one that is surest to be of the same cluster.
        let saying = said.filter(|(_, target)| target.version == version);
        saying.max_by_key(|(other, _)| belonging::Belonging::of(&place(file), other)).map(|(_, target)| target)
    }

    /// The namespace an object ends up in; empty if it is not known or the kind has none.
    pub fn home_of<'a>(&self, app: &'a BuiltApp, object: &'a Object) -> &'a str {
        graph::home(app, object, &self.definitions)
    }

    /// The apps that are deployed, with their positions: not what shows or tests something, was put away, or is on no list.
    pub fn deployed(&self) -> impl Iterator<Item = (usize, &BuiltApp)> {
        self.apps.iter().enumerate().filter(|(_, app)| app.app.standing == Standing::Deployed)
    }

    /// Whether an app is only what lies beside a kustomization that does not list it: who applies the directory applies
    /// the kustomization, so nothing applies these files.
    pub fn is_unlisted(&self, app: &BuiltApp) -> bool {
        lies_unlisted(&app.app, &self.inventory)
    }

    /// The Kustomization of Flux that an app is declared by, as it is built, else as it is written.
    pub fn flux_kustomization(&self, app: &BuiltApp) -> Option<&Object> {
        let Declared::FluxKustomization(place) = app.app.declared else { return None };
        let is_it = |object: &&Object| {
            object.id.is("kustomize.toolkit.fluxcd.io", "Kustomization") && object.name_span() == place
        };
        let built = self.apps.iter().flat_map(|app| &app.objects).find(is_it);
        built.or_else(|| self.inventory.declarations.iter().find(is_it))
    }

    /// What a file is, and so whether a mistake in its text matters.
    pub fn class(&self, file: FileId) -> FileClass {
        self.inventory.class(file)
    }
}

impl BuiltApp {
    /// The namespace that an object ends up in: its own, else where the app is deployed to. Empty if neither says.
    pub fn namespace_of<'a>(&'a self, object: &'a Object) -> &'a str {
        let own = object.id.namespace.as_str();
        if own.is_empty() { &self.app.destination.namespace } else { own }
    }

    /// Whether everything that the app is made of was built and is known.
    pub fn is_complete(&self) -> bool {
        self.unresolved.is_empty() && !self.problems.iter().any(|problem| problem.loses_objects())
    }
}

/// See [`Repository::is_unlisted`].
fn lies_unlisted(app: &App, inventory: &Inventory) -> bool {
    let beside = |path: &RepoPath| path.parent().is_some_and(|at| inventory.kustomizations.contains_key(&at));
    app.declared == Declared::Directory
        && app.sources.iter().any(|source| match &source.kind {
            SourceKind::Directory { files } => files.iter().any(beside),
            _ => false,
        })
}

/// The files that an app applies as they are.
fn files_of(app: &BuiltApp, files: &Files) -> Vec<FileId> {
    let directories = app.app.sources.iter().filter_map(|source| match &source.kind {
        SourceKind::Directory { files } => Some(files),
        _ => None,
    });
    directories.flatten().filter_map(|path| files.file_at(path)).map(|file| file.id).collect()
}

fn installed(release: &Release) -> Option<InstalledChart<'_>> {
    let chart = &release.chart;
    Some(InstalledChart {
        name: &chart.name,
        repository: chart.repository.as_deref().unwrap_or_default(),
        version: chart.version.as_deref()?,
        span: release.version_span,
        values: &release.values,
    })
}
