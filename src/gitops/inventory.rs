//! Everything in the repository that says something about deployment, found in one pass over the parsed files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use compact_str::CompactString;
use foldhash::{HashMap, HashMapExt};
use rayon::prelude::*;

use super::class::{FileClass, classify};
use super::own_repository::{OwnRepository, remotes};
use super::{argocd, disk, flux};
use crate::config::Config;
use crate::files::Files;
use crate::is_yaml;
use crate::kubernetes::{Object, ObjectId};
use crate::kustomize;
use crate::sops;
use crate::source::{Entry, FileId, RepoPath, SourceFile};
use crate::yaml::Node;

/// What the files are, and what they declare.
pub struct Inventory {
    classes: Vec<FileClass>,
    /// Directories with a kustomization, Components included, and their file.
    pub kustomizations: BTreeMap<RepoPath, FileId>,
    /// Directories with a `Chart.yaml`.
    pub charts: BTreeSet<RepoPath>,
    /// Objects of Argo CD and Flux as they are written, in order of their place.
    pub declarations: Vec<Object>,
    /// ConfigMaps as they are written, by name: values and variables may come from them.
    config_maps: HashMap<CompactString, Vec<Object>>,
    /// The keys of ConfigMaps that HelmReleases take values from, by the ConfigMap's name.
    values_keys: HashMap<CompactString, BTreeSet<CompactString>>,
    /// Every directory but hidden ones, sorted.
    directories: Vec<RepoPath>,
    /// Which repository URL is this one.
    pub own: OwnRepository,
    /// Whether a configuration of Argo CD found here lets kustomize read files outside a kustomization's directory.
    pub argocd_loads_anywhere: bool,
}

impl Inventory {
    /// Looks through every file once.
    pub fn read(files: &Files, config: &Config) -> Self {
        let sources = files.sources.files();
        let chart_files = sources.iter().filter(|file| file.path.file_name() == "Chart.yaml");
        let charts: BTreeSet<RepoPath> = chart_files.filter_map(|file| file.path.parent()).collect();
        let class = |file: &Arc<SourceFile>| match config.skip.matches(&file.path) {
            true => FileClass::Other,
            false => classify(file, files, &charts),
        };
        let classes: Vec<FileClass> = sources.par_iter().map(class).collect();
        let mut inventory = Self {
            classes,
            kustomizations: BTreeMap::new(),
            charts,
            declarations: Vec::new(),
            config_maps: HashMap::new(),
            values_keys: HashMap::new(),
            directories: directories(&sources),
            own: OwnRepository::default(),
            argocd_loads_anywhere: false,
        };
        for file in &sources {
            if let FileClass::Kustomization | FileClass::Component = inventory.class(file.id) {
                inventory.kustomizations.extend(file.path.parent().map(|directory| (directory, file.id)));
            }
        }
        inventory.mark_patches(files);
        for file in &sources {
            match inventory.class(file.id) {
                class if class.holds_objects() => inventory.collect(files, file.id),
                FileClass::Values => inventory.argocd_loads_anywhere |= argocd::values_load_anywhere(files, file.id),
                _ => {}
            }
        }
        for release in inventory.declarations.iter().filter(|object| object.id.kind == "HelmRelease") {
            let sources = release.root.at(&["spec", "valuesFrom"]).map(Node::items).unwrap_or_default();
            for source in sources.iter().filter(|source| source.str_at(&["kind"]) == Some("ConfigMap")) {
                let key = source.str_at(&["valuesKey"]).unwrap_or("values.yaml");
                let name = source.str_at(&["name"]).unwrap_or_default();
                inventory.values_keys.entry(name.into()).or_default().insert(key.into());
            }
        }
        let mut votes = BTreeMap::new();
        for object in &inventory.declarations {
            argocd::vote(object, files, &mut votes);
            flux::vote(object, &inventory.declarations, files, &mut votes);
        }
        let remotes = files.sources.git_config().map(|text| remotes(&text)).unwrap_or_default();
        inventory.own = OwnRepository::decide(&remotes, &votes);
        inventory
    }

    /// What a file is.
    pub fn class(&self, file: FileId) -> FileClass {
        self.classes.get(file.0 as usize).copied().unwrap_or(FileClass::Other)
    }

    /// Marks the files that kustomizations patch with: they look like the objects that they change. One that is listed as
    /// a resource too is an object as well.
    fn mark_patches(&mut self, files: &Files) {
        let (mut patches, mut resources) = (Vec::new(), BTreeSet::new());
        for (directory, file) in &self.kustomizations {
            for root in files.stream(*file).documents.iter().filter_map(|document| document.root.as_ref()) {
                let paths = disk::patch_files(root).into_iter().filter_map(|name| directory.join(&name));
                patches.extend(paths.filter_map(|path| files.file_at(&path)).map(|file| file.id));
                let listed = root.get("resources").map(Node::items).unwrap_or_default();
                let paths = listed.iter().filter_map(Node::as_text).filter_map(|name| directory.join(name));
                resources.extend(paths.filter_map(|path| files.file_at(&path)).map(|file| file.id));
            }
        }
        for patch in patches.into_iter().filter(|patch| !resources.contains(patch)) {
            if let Some(class) = self.classes.get_mut(patch.0 as usize).filter(|class| class.may_be_patch()) {
                *class = FileClass::Patch;
            }
        }
    }

    /// Marks files that do not say themselves what they are: `values`, which releases use under any name, and templates
    /// that something `applies` as they are.
    pub fn settle(&mut self, files: &Files, values: &[FileId], applied: &[FileId]) {
        // A generator may call a file `values.yaml` that has another name on disk.
        let mut values = values.to_vec();
        for (directory, file) in &self.kustomizations {
            for root in files.stream(*file).documents.iter().filter_map(|document| document.root.as_ref()) {
                let paths = disk::generated_values(root).into_iter().filter_map(|name| directory.join(&name));
                values.extend(paths.filter_map(|path| files.file_at(&path)).map(|file| file.id));
            }
        }
        for file in values {
            if let Some(known @ (FileClass::Other | FileClass::Manifest)) = self.classes.get_mut(file.0 as usize) {
                *known = FileClass::Values;
            }
        }
        for file in applied {
            if let Some(known @ FileClass::Templated) = self.classes.get_mut(file.0 as usize) {
                *known = FileClass::Manifest;
            }
        }
    }

    /// The ConfigMaps of a name, as they are written, whatever their namespace.
    pub fn config_maps(&self, name: &str) -> impl Iterator<Item = &Object> {
        self.config_maps.get(name).into_iter().flatten()
    }

    /// The keys of the ConfigMaps of a name that some HelmRelease takes values from.
    pub fn values_keys(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values_keys.get(name).into_iter().flatten().map(CompactString::as_str)
    }

    /// Of objects that several clusters have under one name, the one that is written nearest to `file`: with most of its
    /// path in common. `None` if several are equally near and differ.
    pub(super) fn nearest<'a>(
        &self,
        found: impl Iterator<Item = &'a Object>,
        file: FileId,
        files: &Files,
    ) -> Option<&'a Object> {
        let own = files.sources.file(file).path.clone();
        let common = |object: &Object| {
            let other = files.sources.file(object.root.span.file).path.clone();
            own.as_str().split('/').zip(other.as_str().split('/')).take_while(|(a, b)| a == b).count()
        };
        let mut best: Option<(usize, &Object)> = None;
        let mut alike = true;
        for object in found {
            let near = common(object);
            match best {
                Some((most, _)) if near < most => {}
                Some((most, first)) if near == most => alike &= first.root.same_value(&object.root),
                _ => (best, alike) = (Some((near, object)), true),
            }
        }
        best.filter(|_| alike).map(|(_, object)| object)
    }

    /// Every directory of the repository but hidden ones, sorted.
    pub fn directories(&self) -> &[RepoPath] {
        &self.directories
    }

    fn collect(&mut self, files: &Files, file: FileId) {
        for object in objects_of(files, file) {
            if is_declaration(&object.id) {
                self.declarations.push(object);
            } else if object.id.is("", "ConfigMap") {
                self.argocd_loads_anywhere |= argocd::config_map_loads_anywhere(&object);
                self.config_maps.entry(object.id.name.clone()).or_default().push(object);
            }
        }
    }
}

fn directories(sources: &[Arc<SourceFile>]) -> Vec<RepoPath> {
    let mut found = BTreeSet::new();
    for file in sources {
        let mut directory = file.path.parent();
        while let Some(current) = directory.filter(|current| !current.as_str().is_empty()) {
            directory = current.parent();
            if !found.insert(current) {
                break;
            }
        }
    }
    let is_hidden = |path: &RepoPath| path.as_str().split('/').any(|part| part.starts_with('.'));
    found.into_iter().filter(|path| !is_hidden(path)).collect()
}

/// Whether an object tells Argo CD or Flux to deploy something, or where from.
pub fn is_declaration(id: &ObjectId) -> bool {
    match id.group.as_str() {
        "argoproj.io" => matches!(id.kind.as_str(), "Application" | "ApplicationSet" | "AppProject"),
        "fluxcd.controlplane.io" => id.kind == "FluxInstance",
        group => group.ends_with(".toolkit.fluxcd.io"),
    }
}

/// The objects of a file as they are written, with the items of Lists in the List's place.
pub fn objects_of(files: &Files, file: FileId) -> Vec<Object> {
    let stream = files.stream(file);
    let roots = stream.documents.iter().filter_map(|document| document.root.as_ref());
    roots.flat_map(objects_in).collect()
}

/// The object in a document, or the objects in a List.
fn objects_in(root: &Node) -> Vec<Object> {
    Object::all(if sops::is_encrypted(root) { sops::decrypted(root) } else { root.clone() })
}

/// The YAML files directly in `directory`, or below it too.
pub fn yaml_files(files: &Files, directory: &RepoPath, recurse: bool) -> Vec<RepoPath> {
    files.below(directory, recurse, &is_yaml)
}

/// The kustomization in `directory`, if there is one.
pub(super) fn has_kustomization(files: &Files, directory: &RepoPath) -> bool {
    let named = kustomize::FILE_NAMES.iter().filter_map(|name| directory.join(name));
    named.into_iter().any(|path| matches!(files.sources.entry(&path), Some(Entry::File(_))))
}
