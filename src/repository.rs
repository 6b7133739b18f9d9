//! Everything a rule may look at: the files, the apps with their built objects and releases. Immutable.

use rayon::prelude::*;

use crate::config::Config;
use crate::files::Files;
use crate::gitops::{App, SourceKind};
use crate::helm::Release;
use crate::kubernetes::{Components, Definitions, InstalledChart, Object, Targets};
use crate::kustomize;

/// A repository, read and built.
pub struct Repository {
    /// The files, parsed.
    pub files: Files,
    /// The user's settings.
    pub config: Config,
    /// Every app with what it is made of, in a stable order.
    pub apps: Vec<BuiltApp>,
    /// The Kubernetes releases that objects are judged for.
    pub targets: Targets,
    /// The releases of the programs behind custom resources.
    pub components: Components,
    /// The custom resources that the repository itself defines.
    pub definitions: Definitions,
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
    /// What could not be resolved, in words; the objects are then not all there.
    pub unresolved: Vec<String>,
}

impl Repository {
    /// Builds every app, in parallel.
    pub fn build(files: Files, config: Config, apps: Vec<App>) -> Self {
        let apps: Vec<BuiltApp> = apps.into_par_iter().map(|app| build_app(&files, app)).collect();
        let targets = config.kubernetes.map_or_else(|| Targets::inferred(&files), Targets::fixed);
        let definitions = Definitions::of(apps.iter().flat_map(|app| &app.objects));
        let charts = apps.iter().flat_map(|app| &app.releases).filter_map(installed);
        let components = Components::of(charts, apps.iter().flat_map(|app| &app.objects));
        Self { files, config, apps, targets, components, definitions }
    }
}

fn installed(release: &Release) -> Option<InstalledChart<'_>> {
    let chart = &release.chart;
    Some(InstalledChart {
        name: &chart.name,
        repository: chart.repository.as_deref().unwrap_or_default(),
        version: chart.version.as_deref()?,
        span: release.version_span,
    })
}

fn build_app(files: &Files, app: App) -> BuiltApp {
    let mut built =
        BuiltApp { app, objects: Vec::new(), releases: Vec::new(), problems: Vec::new(), unresolved: Vec::new() };
    for source in &built.app.sources {
        match &source.kind {
            SourceKind::Kustomize { directory, overlay, load_anywhere } => {
                let options =
                    kustomize::Options { load_anywhere: *load_anywhere, keep_order: false, overlay: overlay.clone() };
                let build = kustomize::build(files, directory, &options);
                built.objects.extend(build.objects);
                built.releases.extend(build.releases);
                built.problems.extend(build.problems);
            }
            SourceKind::Helm(release) => built.releases.push((**release).clone()),
            SourceKind::Directory { files: paths } => {
                for file in paths.iter().filter_map(|path| files.file_at(path)) {
                    let stream = files.stream(file.id);
                    let roots = stream.documents.iter().filter_map(|document| document.root.clone());
                    built.objects.extend(roots.flat_map(Object::all));
                }
            }
            SourceKind::Unresolved(reason) => built.unresolved.push(reason.clone()),
        }
    }
    built
}
