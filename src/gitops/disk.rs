//! Roots that nothing declares: kustomizations nobody includes, charts, directories of manifests, static pods.

use std::collections::{BTreeMap, BTreeSet};

use super::class::{FileClass, Standing, is_values_name, standing};
use super::inventory::Inventory;
use super::{App, AppSource, Declared, Destination, SourceKind};
use crate::files::Files;
use crate::helm::{Binding, Chart, ChartRef, Release, empty_values, expand};
use crate::kustomize;
use crate::source::{Entry, FileId, RepoPath, Span};
use crate::yaml::Node;

/// Fields of a kustomization that hold paths, directly or in a list.
const PATH_FIELDS: [&str; 9] = [
    "resources",
    "bases",
    "components",
    "crds",
    "generators",
    "transformers",
    "validators",
    "configurations",
    "patchesStrategicMerge",
];

/// The roots that `apps` do not deploy already.
pub(super) fn roots(apps: &[App], inventory: &Inventory, files: &Files) -> Vec<App> {
    let mut claims = Claims::of(apps, inventory, files);
    let mut found = Vec::new();
    found.extend(kustomizations(&mut claims, inventory, files));
    found.extend(charts(&claims, inventory, files));
    found.extend(directories(&claims, inventory, files));
    found
}

/// What the declared apps deploy already.
struct Claims {
    kustomizations: BTreeSet<RepoPath>,
    charts: BTreeSet<RepoPath>,
    files: BTreeSet<FileId>,
}

impl Claims {
    fn of(apps: &[App], inventory: &Inventory, files: &Files) -> Self {
        let mut claims = Self { kustomizations: BTreeSet::new(), charts: BTreeSet::new(), files: BTreeSet::new() };
        for source in apps.iter().flat_map(|app| &app.sources) {
            match &source.kind {
                SourceKind::Kustomize { directory, overlay, .. } => {
                    claims.reach(directory, inventory, files);
                    let extra = overlay.as_ref().map(references).unwrap_or_default();
                    claims.follow(directory, &extra, inventory, files);
                }
                SourceKind::Helm(releases) => {
                    claims.charts.extend(releases.iter().filter_map(|release| release.chart.directory.clone()));
                    claims.files.extend(releases.iter().flat_map(|release| &release.files));
                }
                SourceKind::Directory { files: paths } => {
                    claims.files.extend(paths.iter().filter_map(|path| files.file_at(path)).map(|file| file.id));
                }
                SourceKind::Unresolved => {}
            }
        }
        claims
    }

    /// Marks a kustomization and everything it includes.
    fn reach(&mut self, directory: &RepoPath, inventory: &Inventory, files: &Files) {
        let mut waiting = vec![files.sources.resolve(directory)];
        while let Some(directory) = waiting.pop() {
            let Some(file) = inventory.kustomizations.get(&directory) else { continue };
            if !self.kustomizations.insert(directory.clone()) {
                continue;
            }
            for document in &files.stream(*file).documents {
                let named = document.root.as_ref().map(references).unwrap_or_default();
                waiting.extend(self.note(&directory, &named, files));
                self.note_plugins(&directory, document.root.as_ref(), files);
                let charts = document.root.as_ref().map(kustomize::chart_directories).unwrap_or_default();
                self.charts.extend(charts.iter().filter_map(|chart| directory.join(chart)));
            }
        }
    }

    /// Marks the files that a plugin is to read: those in the `files` of its configuration, as KSOPS has it.
    fn note_plugins(&mut self, directory: &RepoPath, root: Option<&Node>, files: &Files) {
        let generators = root.and_then(|root| root.get("generators")).map(Node::items).unwrap_or_default();
        let paths = generators.iter().filter_map(Node::as_text).filter_map(|name| directory.join(name));
        for stream in paths.filter_map(|path| files.file_at(&path)).map(|file| files.stream(file.id)) {
            for plugin in stream.documents.iter().filter_map(|document| document.root.as_ref()) {
                let named = plugin.get("files").map(Node::items).unwrap_or_default();
                let named: Vec<String> = named.iter().filter_map(Node::as_text).map(str::to_owned).collect();
                self.note(directory, &named, files);
            }
        }
    }

    fn follow(&mut self, directory: &RepoPath, named: &[String], inventory: &Inventory, files: &Files) {
        for included in self.note(directory, named, files) {
            self.reach(&included, inventory, files);
        }
    }

    /// Marks the files among the names; returns the directories.
    fn note(&mut self, directory: &RepoPath, named: &[String], files: &Files) -> Vec<RepoPath> {
        let mut directories = Vec::new();
        for path in named.iter().filter_map(|name| directory.join(name)) {
            match files.sources.entry(&path) {
                Some(Entry::File(file)) => {
                    self.files.insert(file);
                }
                Some(Entry::Directory) => directories.push(files.sources.resolve(&path)),
                None => {}
            }
        }
        directories
    }
}

/// Every path that a kustomization names.
pub(super) fn references(root: &Node) -> Vec<String> {
    let mut named = Vec::new();
    let mut add = |node: Option<&Node>| named.extend(node.and_then(Node::as_text).map(str::to_owned));
    for field in PATH_FIELDS {
        root.get(field).map(Node::items).into_iter().flatten().for_each(|item| add(Some(item)));
    }
    for field in ["patches", "patchesJson6902", "replacements"] {
        root.get(field).map(Node::items).into_iter().flatten().for_each(|item| add(item.get("path")));
    }
    add(root.at(&["openapi", "path"]));
    for chart in root.get("helmCharts").map(Node::items).into_iter().flatten() {
        add(chart.get("valuesFile"));
        chart.get("additionalValuesFiles").map(Node::items).into_iter().flatten().for_each(|item| add(Some(item)));
    }
    for field in ["configMapGenerator", "secretGenerator"] {
        for generator in root.get(field).map(Node::items).into_iter().flatten() {
            add(generator.get("env"));
            generator.get("envs").map(Node::items).into_iter().flatten().for_each(|item| add(Some(item)));
            for item in generator.get("files").map(Node::items).into_iter().flatten().filter_map(Node::as_text) {
                let path = item.split_once('=').map_or(item, |(_, path)| path);
                add(Some(&Node::string(path, generator.span)));
            }
        }
    }
    named
}

/// The files that a kustomization patches with.
pub(super) fn patch_files(root: &Node) -> Vec<String> {
    let by_path =
        ["patches", "patchesJson6902"].iter().flat_map(|field| root.get(field).map(Node::items).unwrap_or_default());
    let by_path = by_path.filter_map(|patch| patch.get("path"));
    let merges = root.get("patchesStrategicMerge").map(Node::items).unwrap_or_default();
    by_path.chain(merges).filter_map(Node::as_text).map(str::to_owned).collect()
}

/// The files that a kustomization makes values of: `values.yaml=chart-1.2.yaml` in a generator's list.
pub(super) fn generated_values(root: &Node) -> Vec<String> {
    let generators = ["configMapGenerator", "secretGenerator"].iter();
    let generators = generators.flat_map(|field| root.get(field).map(Node::items).unwrap_or_default());
    let files = generators.flat_map(|generator| generator.get("files").map(Node::items).unwrap_or_default());
    let pairs = files.filter_map(|file| file.as_text()?.split_once('='));
    let is_values = |key: &str| RepoPath::new(key).is_some_and(|key| is_values_name(&key));
    pairs.filter(|(key, _)| is_values(key)).map(|(_, path)| path.to_owned()).collect()
}

fn kustomizations(claims: &mut Claims, inventory: &Inventory, files: &Files) -> Vec<App> {
    let mut included = BTreeSet::new();
    for (directory, file) in &inventory.kustomizations {
        for document in &files.stream(*file).documents {
            let named = document.root.as_ref().map(references).unwrap_or_default();
            let paths = named.iter().filter_map(|name| directory.join(name)).map(|path| files.sources.resolve(&path));
            included.extend(paths.filter(|path| path != directory));
        }
    }
    let is_component = |file: &FileId| inventory.class(*file) == FileClass::Component;
    let whole = inventory.kustomizations.iter().filter(|(_, file)| !is_component(file));
    // Those nobody includes, then what is left: a ring of kustomizations that include each other.
    let (rings, tops): (Vec<_>, Vec<_>) =
        whole.map(|(directory, _)| directory).partition(|directory| included.contains(*directory));
    let mut apps = Vec::new();
    for directory in tops.into_iter().chain(rings) {
        if claims.kustomizations.contains(directory) {
            continue;
        }
        claims.reach(directory, inventory, files);
        let kind = SourceKind::Kustomize {
            directory: directory.clone(),
            overlay: None,
            load_anywhere: false,
            substitution: None,
        };
        apps.push(app(directory, Declared::Kustomization, kind));
    }
    // Components that nothing reaches still hold files that are not to be judged alone.
    for directory in inventory
        .kustomizations
        .keys()
        .filter(|directory| !claims.kustomizations.contains(*directory))
        .cloned()
        .collect::<Vec<_>>()
    {
        claims.reach(&directory, inventory, files);
    }
    apps
}

fn charts(claims: &Claims, inventory: &Inventory, files: &Files) -> Vec<App> {
    let mut apps = Vec::new();
    for directory in &inventory.charts {
        let above = std::iter::successors(directory.parent(), RepoPath::parent);
        if claims.charts.contains(directory) || above.into_iter().any(|above| inventory.charts.contains(&above)) {
            continue;
        }
        let Some(chart) = Chart::read(files, directory).filter(|chart| !chart.library) else { continue };
        let span = chart.name.span;
        let name = chart.name.as_text().unwrap_or_default().to_owned();
        let release = Release {
            chart: ChartRef { name: name.clone(), directory: Some(directory.clone()), ..ChartRef::default() },
            chart_span: span,
            version_span: None,
            name,
            namespace: String::new(),
            values: empty_values(span),
            incomplete: false,
            binding: Binding::Declared,
            files: Vec::new(),
        };
        apps.push(app(directory, Declared::Chart, SourceKind::Helm(expand(files, release))));
    }
    apps
}

fn directories(claims: &Claims, inventory: &Inventory, files: &Files) -> Vec<App> {
    let mut found: BTreeMap<(RepoPath, bool), Vec<RepoPath>> = BTreeMap::new();
    for file in files.sources.files() {
        let class = inventory.class(file.id);
        if !class.holds_objects() || claims.files.contains(&file.id) {
            continue;
        }
        if class == FileClass::Encrypted && super::inventory::objects_of(files, file.id).is_empty() {
            continue;
        }
        let Some(directory) = file.path.parent() else { continue };
        if is_in_chart(&directory, inventory) {
            continue;
        }
        found.entry((directory, class == FileClass::StaticPod)).or_default().push(file.path.clone());
    }
    let make = |((directory, is_static), files): ((RepoPath, bool), Vec<RepoPath>)| {
        let declared = if is_static { Declared::StaticPods } else { Declared::Directory };
        app(&directory, declared, SourceKind::Directory { files })
    };
    found.into_iter().map(make).collect()
}

/// Whether a directory is a chart's `crds/` or lies in it: those objects come with the chart.
fn is_in_chart(directory: &RepoPath, inventory: &Inventory) -> bool {
    let mut above = std::iter::successors(Some(directory.clone()), RepoPath::parent);
    above.any(|above| {
        above.file_name() == "crds" && above.parent().is_some_and(|chart| inventory.charts.contains(&chart))
    })
}

fn app(directory: &RepoPath, declared: Declared, kind: SourceKind) -> App {
    App {
        name: directory.to_string(),
        declared,
        destination: Destination::default(),
        project: String::new(),
        sources: vec![AppSource { span: None::<Span>, kind }],
        unresolved: Vec::new(),
        application: None,
        // The name of a file below decides, so that a directory called `examples` counts itself.
        standing: directory.join("x").map_or(Standing::Deployed, |path| standing(&path)),
    }
}
