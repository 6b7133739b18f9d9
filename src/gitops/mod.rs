//! Which apps a repository deploys, and from which files: Argo CD, Flux, static pods, and what is found on disk.
//!
//! An app is what a controller would sync. This module reads the declarations and binds them to paths; building them is
//! left to `kustomize` and `helm`, which `repository` calls.

mod argocd;
mod class;
mod convention;
mod disk;
mod flux;
mod inline_values;
mod inventory;
mod k3s;
mod own_repository;

pub use argocd::{Application, NO_VALUE, generator_files};
pub use class::{FileClass, Standing, is_static_pod_directory, standing};
pub use flux::Substitution;
pub use inline_values::inline_values;
pub use inventory::{Inventory, is_declaration, objects_of, yaml_files};
pub use k3s::helm_charts;

use compact_str::CompactString;
use foldhash::{HashMap, HashMapExt};

use crate::config::Config;
use crate::files::Files;
use crate::kubernetes::Object;
use crate::source::{RepoPath, Span};
use crate::unresolved::{Cause, Unresolved};
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
    /// What of its declaration could not be resolved.
    pub unresolved: Vec<Unresolved>,
    /// The Application, if Argo CD deploys it.
    pub application: Option<Application>,
    /// Whether it is deployed, or only lies among tests, examples or what was put away.
    pub standing: Standing,
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
    /// `.presync.yaml`, which ties values files to a chart; the place is the chart's name.
    Config(Span),
    /// Nothing: a kustomization that no other includes.
    Kustomization,
    /// Nothing: a chart with values of its own.
    Chart,
    /// Nothing: a directory of manifests.
    Directory,
    /// Nothing: a values file that only its place or name ties to a chart.
    ValuesFile,
    /// The kubelet: a directory of static pods.
    StaticPods,
}

impl Declared {
    /// The place of the declaration; `None` for roots found on disk.
    pub fn span(self) -> Option<Span> {
        match self {
            Self::ArgoApplication(span)
            | Self::FluxKustomization(span)
            | Self::FluxHelmRelease(span)
            | Self::Config(span) => Some(span),
            _ => None,
        }
    }
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

impl AppSource {
    /// The chart's own release, if the source is a chart.
    fn release(&self) -> Option<&crate::helm::Release> {
        match &self.kind {
            SourceKind::Helm(releases) => releases.first(),
            _ => None,
        }
    }
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
        /// The variables that Flux replaces after the build.
        substitution: Option<Substitution>,
    },
    /// A chart with values: its own release first, then one for each chart it depends on.
    Helm(Vec<crate::helm::Release>),
    /// Manifests as they are.
    Directory {
        /// The files, sorted.
        files: Vec<RepoPath>,
    },
    /// Another repository, a plugin, a template that needs a cluster; why, stands in [`App::unresolved`].
    Unresolved,
}

/// A declaration of Argo CD or Flux as the controller will see it.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// The object: as it is built, where it is part of an app, else as it is written.
    pub object: Object,
    /// The ConfigMaps that are built together with it.
    pub config_maps: std::sync::Arc<Vec<Object>>,
    /// The namespace it gets if it names none.
    pub namespace: String,
}

/// Every declaration, to be found by kind and name.
#[derive(Debug, Default)]
pub struct Declarations {
    list: Vec<Declaration>,
    by_name: HashMap<(CompactString, CompactString), Vec<usize>>,
}

impl FromIterator<Declaration> for Declarations {
    fn from_iter<I: IntoIterator<Item = Declaration>>(list: I) -> Self {
        let list: Vec<Declaration> = list.into_iter().collect();
        let mut by_name: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, declaration) in list.iter().enumerate() {
            let id = &declaration.object.id;
            by_name.entry((id.kind.clone(), id.name.clone())).or_insert_with(|| Vec::with_capacity(1)).push(at);
        }
        Self { list, by_name }
    }
}

impl Declarations {
    /// All of them, in order of their place.
    pub fn all(&self) -> &[Declaration] {
        &self.list
    }

    /// Those of one kind and name.
    pub fn named(&self, kind: &str, name: &str) -> impl Iterator<Item = &Declaration> {
        let found = self.by_name.get(&(kind.into(), name.into()));
        found.into_iter().flatten().filter_map(|at| self.list.get(*at))
    }
}

/// More apps than this come only of ApplicationSets that multiply each other.
const MAX_APPS: usize = 100_000;

/// Finds every app: those that `declarations` speak of, and the roots that nothing speaks of.
pub fn apps(inventory: &Inventory, files: &Files, config: &Config, declarations: &Declarations) -> Vec<App> {
    let mut apps: Vec<App> = Vec::new();
    for declaration in declarations.all() {
        if apps.len() >= MAX_APPS {
            let reason =
                format!("there are more than {MAX_APPS} apps; presync leaves out what is declared from here on");
            let place = Unresolved::at(declaration.object.name_span(), Cause::Unsupported, reason);
            if let Some(last) = apps.last_mut() {
                last.unresolved.push(place);
            }
            break;
        }
        match declaration.object.id.kind.as_str() {
            "Application" => apps.push(argocd::application(&declaration.object, inventory, files)),
            "ApplicationSet" => apps.extend(argocd::application_set(&declaration.object, inventory, files)),
            "Kustomization" => apps.push(flux::kustomization(declaration, declarations, inventory, files)),
            "FluxInstance" => apps.extend(flux::instance(declaration, declarations, inventory, files)),
            "HelmRelease" => {
                let app = flux::helm_release(declaration, declarations, inventory, files);
                let release = app.sources.iter().find_map(AppSource::release);
                let root =
                    release.and_then(|own| flux::instance_of_chart(own, declaration, declarations, inventory, files));
                apps.push(app);
                apps.extend(root);
            }
            _ => {}
        }
    }
    apps.extend(config.charts.iter().map(|binding| convention::bound(binding, files)));
    let found = disk::roots(&apps, inventory, files);
    apps.extend(found);
    apps.extend(convention::releases(&apps, inventory, files));
    note_apps_in_charts(&mut apps, files);
    apps
}

/// Notes where a chart of this repository makes declarations: what these deploy is out of sight, since charts are not
/// rendered.
fn note_apps_in_charts(apps: &mut [App], files: &Files) {
    let mut known: HashMap<RepoPath, Option<RepoPath>> = HashMap::new();
    for app in apps {
        for source in &app.sources {
            let SourceKind::Helm(releases) = &source.kind else { continue };
            for release in releases {
                let Some(directory) = &release.chart.directory else { continue };
                let makes = known.entry(directory.clone()).or_insert_with(|| template_with_apps(directory, files));
                let Some(path) = makes else { continue };
                let reason =
                    format!("{path} makes apps of its own, which presync does not see: it does not render charts");
                app.unresolved.push(Unresolved::at(release.chart_span, Cause::Unsupported, reason));
            }
        }
    }
}

/// The first template of a chart that writes an Application, an ApplicationSet, or one of Flux' declarations.
fn template_with_apps(chart: &RepoPath, files: &Files) -> Option<RepoPath> {
    const GROUPS: [&str; 3] = [
        "apiVersion: argoproj.io/v1alpha1",
        "apiVersion: kustomize.toolkit.fluxcd.io/",
        "apiVersion: helm.toolkit.fluxcd.io/",
    ];
    const KINDS: [&str; 4] = ["kind: Application", "kind: ApplicationSet", "kind: Kustomization", "kind: HelmRelease"];
    let makes_apps = |path: &RepoPath| {
        let file = files.file_at(path);
        let text = file.as_ref().and_then(|file| file.text()).unwrap_or_default();
        let has = |starts: &[&str]| text.lines().any(|line| starts.iter().any(|start| line.starts_with(start)));
        text.lines().any(|line| KINDS.contains(&line.trim_end())) && has(&GROUPS)
    };
    yaml_files(files, &chart.join("templates")?, true).into_iter().find(makes_apps)
}
