//! Values files that nothing names, tied to a chart by their place or name alone. Low confidence, and said so.

use std::collections::BTreeSet;

use super::class::{FileClass, Standing, standing};
use super::disk::references;
use super::inventory::Inventory;
use super::{App, AppSource, Declared, Destination, SourceKind};
use crate::config::ChartBinding;
use crate::files::Files;
use crate::helm::{Binding, Chart, ChartRef, Layers, Release, expand, is_chart};
use crate::source::{FileId, RepoPath, Span};
use crate::unresolved::Cause;

/// Directory names that say nothing about a chart: the chart's name is looked for above them.
const GENERIC: [&str; 16] = [
    "overlays",
    "overlay",
    "base",
    "values",
    "helm",
    "helm-values",
    "chart",
    "charts",
    "config",
    "prod",
    "production",
    "staging",
    "stage",
    "dev",
    "development",
    "app",
];

/// One app for each values file that no app uses.
pub(super) fn releases(apps: &[App], inventory: &Inventory, files: &Files) -> Vec<App> {
    let used = used(apps, inventory, files);
    let known: BTreeSet<&str> = apps.iter().flat_map(releases_of).map(|release| release.chart.name.as_str()).collect();
    let mut found = Vec::new();
    for file in files.sources.files() {
        if inventory.class(file.id) != FileClass::Values || used.contains(&file.id) {
            continue;
        }
        let Some(directory) = file.path.parent() else { continue };
        let own = Chart::read(files, &directory).and_then(|chart| chart.name.as_text().map(str::to_owned));
        let Some(name) = own.or_else(|| chart_name(&file.path, &known)) else { continue };
        let span = Span::start_of(file.id);
        let mut layers = Layers::new(span);
        layers.file(files, file.id, span);
        let release = Release {
            chart: ChartRef {
                name: name.clone(),
                directory: is_chart(files, &directory).then_some(directory),
                ..ChartRef::default()
            },
            chart_span: span,
            version_span: None,
            name,
            namespace: String::new(),
            values: layers.values,
            // Another file may be laid over or under this one; nothing says so.
            incomplete: true,
            binding: Binding::Convention,
            files: layers.files,
        };
        found.push(App {
            name: file.path.to_string(),
            declared: Declared::ValuesFile,
            destination: Destination::default(),
            project: String::new(),
            sources: vec![AppSource { span: None, kind: SourceKind::Helm(expand(files, release)) }],
            unresolved: layers.unresolved,
            application: None,
            standing: standing(&file.path),
        });
    }
    found
}

/// A release that the user's settings tie together.
pub(super) fn bound(binding: &ChartBinding, files: &Files) -> App {
    let span = binding.chart_span;
    let mut layers = Layers::new(span);
    for path in &binding.values {
        match files.file_at(path) {
            Some(file) => layers.file(files, file.id, span),
            None => layers.missing(span, Cause::Missing, format!("there is no file {path} in this repository")),
        }
    }
    let release = Release {
        chart: ChartRef {
            name: binding.chart.clone(),
            repository: binding.repository.clone(),
            version: binding.version.as_ref().map(|(version, _)| version.clone()),
            directory: None,
        },
        chart_span: span,
        version_span: binding.version.as_ref().map(|(_, span)| *span),
        name: binding.release.clone().unwrap_or_else(|| binding.chart.clone()),
        namespace: binding.namespace.clone().unwrap_or_default(),
        values: layers.values,
        incomplete: layers.incomplete,
        binding: Binding::Declared,
        files: layers.files,
    };
    App {
        name: release.name.clone(),
        declared: Declared::Config(span),
        destination: Destination { cluster: String::new(), namespace: release.namespace.clone() },
        project: String::new(),
        sources: vec![AppSource { span: Some(span), kind: SourceKind::Helm(expand(files, release)) }],
        unresolved: layers.unresolved,
        application: None,
        standing: Standing::Deployed,
    }
}

fn releases_of(app: &App) -> impl Iterator<Item = &Release> {
    app.sources.iter().flat_map(|source| match &source.kind {
        SourceKind::Helm(releases) => releases.as_slice(),
        _ => &[],
    })
}

/// Values files that an app uses, or a kustomization names, or that are a chart's own defaults.
fn used(apps: &[App], inventory: &Inventory, files: &Files) -> BTreeSet<FileId> {
    let mut used: BTreeSet<FileId> =
        apps.iter().flat_map(releases_of).flat_map(|release| release.files.clone()).collect();
    for (directory, file) in &inventory.kustomizations {
        for root in files.stream(*file).documents.iter().filter_map(|document| document.root.as_ref()) {
            let paths = references(root).into_iter().filter_map(|name| directory.join(&name));
            used.extend(paths.filter_map(|path| files.file_at(&path)).map(|file| file.id));
        }
    }
    for directory in &inventory.charts {
        let defaults = directory.join("values.yaml").and_then(|path| files.file_at(&path));
        used.extend(defaults.map(|file| file.id));
    }
    used
}

/// `grafana/values.yaml`, `helm-values/grafana/values.yaml`, `grafana/overlays/prod/values.yaml` and
/// `grafana-values.yaml` all speak of grafana. `known` holds the names of charts met elsewhere in the repository.
fn chart_name(path: &RepoPath, known: &BTreeSet<&str>) -> Option<String> {
    let stem = path.file_name().rsplit_once('.').map_or("", |(stem, _)| stem);
    let before = ["-values", ".values", "_values"].iter().find_map(|end| stem.strip_suffix(end));
    let after = ["values-", "values.", "values_"].iter().find_map(|start| stem.strip_prefix(start));
    if let Some(named) = [before, after].into_iter().flatten().find(|name| known.contains(name)) {
        return Some(named.to_owned());
    }
    let says = |part: &&str| !part.is_empty() && !GENERIC.contains(part);
    let directory = path.parent()?;
    before.filter(says).or_else(|| directory.as_str().rsplit('/').find(says)).map(str::to_owned)
}
