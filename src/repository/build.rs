//! Builds the apps, and finds the declarations again among what was built.
//!
//! An Application may be patched by the kustomization that holds it, and a Flux parent patches defaults into its
//! children. So apps are first made from the declarations as they are written; where a build holds one of them, the
//! built one takes its place, and what it changes is built anew. This ends when nothing changes, or after a few rounds:
//! an app that deploys itself changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use foldhash::fast::FixedState;
use foldhash::{HashMap, HashMapExt};
use rayon::prelude::*;

use super::BuiltApp;
use crate::config::{Config, KustomizeRelease};
use crate::files::Files;
use crate::gitops::{
    self, App, AppSource, Declaration, Declarations, FileClass, Inventory, SourceKind, Standing, Substitution,
    is_declaration, standing,
};
use crate::kubernetes::Object;
use crate::kustomize;
use crate::source::{FileId, RepoPath, Span};
use crate::unresolved::{Cause, Unresolved};
use crate::yaml::{Node, Style, Value};

/// Apps of apps nest two or three deep; more rounds than this only happen where two apps overwrite each other.
const MAX_ROUNDS: usize = 6;

/// Finds and builds every app.
pub(super) fn apps(files: &Files, config: &Config, inventory: &Inventory) -> Vec<BuiltApp> {
    let written = written(inventory);
    let mut declarations = None;
    let mut builds = Builds::default();
    let mut built = Vec::new();
    for _ in 0..MAX_ROUNDS {
        let declared = declarations.as_ref().unwrap_or(&written);
        let apps = gitops::apps(inventory, files, config, declared);
        builds.add(&apps, files, config.kustomize);
        // The last round's objects and this one's would be the peak of the whole run.
        built.clear();
        built = apps.into_par_iter().map(|app| build(app, files, inventory, &builds)).collect();
        let effective = revised(&written, &built);
        if same(declared, &effective) {
            break;
        }
        declarations = Some(effective);
    }
    judge_standing(&mut built, files, inventory);
    built
}

/// Weighs declared apps by where their declaration lies, unless another app deploys it, and what nothing applies.
fn judge_standing(built: &mut [BuiltApp], files: &Files, inventory: &Inventory) {
    let objects = built.iter().filter(|app| app.app.standing == Standing::Deployed).flat_map(|app| &app.objects);
    let deployed: BTreeSet<FileId> =
        objects.filter(|object| is_declaration(&object.id)).map(|object| object.root.span.file).collect();
    for app in built {
        if let Some(span) = app.app.declared.span().filter(|span| !deployed.contains(&span.file)) {
            app.app.standing = standing(&files.sources.file(span.file).path);
        }
        if app.app.standing == Standing::Deployed && super::lies_unlisted(&app.app, inventory) {
            app.app.standing = Standing::Unlisted;
        }
    }
}

/// The declarations as they stand in the files.
fn written(inventory: &Inventory) -> Declarations {
    let none = Arc::new(Vec::new());
    let declare = |object: &Object| Declaration {
        // Flux' variables have no value where no parent gives them one.
        object: match object.id.group.ends_with(".fluxcd.io") {
            true => Substitution::unknown().apply(object),
            false => object.clone(),
        },
        config_maps: Arc::clone(&none),
        namespace: String::new(),
    };
    inventory.declarations.iter().map(declare).collect()
}

/// The declarations as they are built, and as they are written where no build holds them.
///
/// One that several apps build alike counts once. So does one that several apps build from the same directory: they
/// write the same object of the same cluster, one over the other.
fn revised(written: &Declarations, built: &[BuiltApp]) -> Declarations {
    let origin = |object: &Object| (object.root.span.file, object.root.span.start);
    let mut by_origin: BTreeMap<(FileId, u32), Vec<Variant<'_>>> = BTreeMap::new();
    for app in built {
        let holds = app.objects.iter().any(|object| is_declaration(&object.id));
        if !holds {
            continue;
        }
        let directory = app.app.sources.iter().find_map(|source| match &source.kind {
            SourceKind::Kustomize { directory, .. } => Some(directory),
            _ => None,
        });
        let config_maps: Vec<Object> =
            app.objects.iter().filter(|object| object.id.is("", "ConfigMap")).cloned().collect();
        let config_maps = Arc::new(config_maps);
        for object in app.objects.iter().filter(|object| is_declaration(&object.id)) {
            let variants = by_origin.entry(origin(object)).or_insert_with(|| Vec::with_capacity(1));
            let namespace = app.app.destination.namespace.clone();
            let known = variants.iter().any(|Variant { built_from, declaration }| {
                declaration.object.id == object.id && directory.is_some() && *built_from == directory
                    || declaration.namespace == namespace && declaration.object.root.same_value(&object.root)
            });
            if !known {
                let config_maps = Arc::clone(&config_maps);
                let declaration = Declaration { object: object.clone(), config_maps, namespace };
                variants.push(Variant { built_from: directory, declaration });
            }
        }
    }
    for declaration in written.all() {
        let variants = by_origin.entry(origin(&declaration.object)).or_insert_with(|| Vec::with_capacity(1));
        if variants.is_empty() {
            variants.push(Variant { built_from: None, declaration: declaration.clone() });
        }
    }
    by_origin.into_values().flatten().map(|variant| variant.declaration).collect()
}

/// One form that a declaration takes.
struct Variant<'a> {
    /// The directory of the kustomization that gives it this form.
    built_from: Option<&'a RepoPath>,
    declaration: Declaration,
}

/// Whether two lists of declarations give the same apps.
fn same(before: &Declarations, after: &Declarations) -> bool {
    before.all().len() == after.all().len()
        && before.all().iter().zip(after.all()).all(|(a, b)| {
            // Argo CD's objects say all they need themselves.
            let is_whole = a.object.id.group == "argoproj.io";
            if is_whole {
                return a.object.root.same_value(&b.object.root);
            }
            a.namespace == b.namespace
                && a.object.root.same_value(&b.object.root)
                && a.config_maps.len() == b.config_maps.len()
                && a.config_maps.iter().zip(b.config_maps.iter()).all(|(a, b)| a.root.same_value(&b.root))
        })
}

/// Builds of kustomizations by what decides them, so that none is built twice.
#[derive(Default)]
struct Builds(HashMap<BuildKey, Arc<kustomize::Build>>);

type BuildKey = (RepoPath, bool, Option<u64>);

fn key(directory: &RepoPath, load_anywhere: bool, overlay: Option<&Node>) -> BuildKey {
    (directory.clone(), load_anywhere, overlay.map(digest))
}

/// A number that differs where overlays differ, in their values or in where these are written.
fn digest(node: &Node) -> u64 {
    fn add(node: &Node, hasher: &mut impl Hasher) {
        (node.span, node.is_unknown()).hash(hasher);
        match &node.value {
            Value::Scalar(text) => (0, text, node.style == Style::Plain).hash(hasher),
            Value::Sequence(items) => {
                (1, items.len()).hash(hasher);
                items.iter().for_each(|item| add(item, hasher));
            }
            Value::Mapping(mapping) => {
                (2, mapping.len()).hash(hasher);
                mapping.iter().for_each(|entry| {
                    entry.key.text.hash(hasher);
                    add(&entry.value, hasher);
                });
            }
        }
    }
    let mut hasher = FixedState::default().build_hasher();
    add(node, &mut hasher);
    hasher.finish()
}

impl Builds {
    fn add(&mut self, apps: &[App], files: &Files, release: KustomizeRelease) {
        let mut wanted: HashMap<BuildKey, (&RepoPath, kustomize::Options)> = HashMap::new();
        for source in apps.iter().flat_map(|app| &app.sources) {
            let SourceKind::Kustomize { directory, overlay, load_anywhere, .. } = &source.kind else { continue };
            let key = key(directory, *load_anywhere, overlay.as_ref());
            if !self.0.contains_key(&key) {
                let options = kustomize::Options {
                    load_anywhere: *load_anywhere,
                    keep_order: false,
                    release,
                    overlay: overlay.clone(),
                };
                wanted.insert(key, (directory, options));
            }
        }
        let built: Vec<_> = wanted
            .into_par_iter()
            .map(|(key, (directory, options))| (key, Arc::new(kustomize::build(files, directory, &options))))
            .collect();
        self.0.extend(built);
    }

    fn get(&self, source: &AppSource) -> Option<&kustomize::Build> {
        let SourceKind::Kustomize { directory, overlay, load_anywhere, .. } = &source.kind else { return None };
        self.0.get(&key(directory, *load_anywhere, overlay.as_ref())).map(Arc::as_ref)
    }
}

fn build(app: App, files: &Files, inventory: &Inventory, builds: &Builds) -> BuiltApp {
    let unresolved = app.unresolved.clone();
    let mut built = BuiltApp {
        app,
        objects: Vec::new(),
        releases: Vec::new(),
        problems: Vec::new(),
        applied: Vec::new(),
        effective: Vec::new(),
        unresolved,
        site: String::new(),
    };
    for source in &built.app.sources {
        match &source.kind {
            SourceKind::Kustomize { substitution, .. } => {
                let Some(build) = builds.get(source) else { continue };
                built.objects.extend(build.objects.iter().map(|object| match substitution {
                    Some(substitution) => substitution.apply(object),
                    None => object.clone(),
                }));
                let unknown = substitution.as_ref().map(|substitution| substitution.unresolved(&built.objects));
                built.unresolved.extend(unknown.unwrap_or_default().iter().cloned());
                built.releases.extend(build.releases.iter().cloned());
                built.problems.extend(build.problems.iter().cloned());
                built.applied.extend(&build.applied);
                built.effective.extend(&build.effective);
            }
            SourceKind::Helm(releases) => {
                built.objects.extend(releases.iter().flat_map(|release| custom_resources(release, files)));
                built.releases.extend(releases.iter().cloned());
            }
            SourceKind::Directory { files: paths } => {
                let ids = paths.iter().filter_map(|path| files.file_at(path)).map(|file| file.id);
                for id in ids {
                    let class = inventory.class(id);
                    let is_broken = files.stream(id).problems.iter().any(|problem| problem.kind.loses_content());
                    let is_applied = class.holds_objects() || class == FileClass::Patch;
                    if is_broken && (is_applied || class == FileClass::Templated) {
                        let path = &files.sources.file(id).path;
                        let reason = format!("{path} is not YAML, so what it holds is missing here");
                        let start = Span::new(id, 0, 0);
                        built.unresolved.push(Unresolved::at(start, Cause::Invalid, reason));
                    }
                    if is_applied {
                        built.objects.extend(gitops::objects_of(files, id));
                    }
                }
            }
            SourceKind::Unresolved => {}
        }
    }
    let (releases, mut unknown) = gitops::helm_charts(&built.objects, files);
    built.releases.extend(releases);
    built.unresolved.append(&mut unknown);
    for release in &mut built.releases {
        if release.namespace.is_empty() {
            release.namespace.clone_from(&built.app.destination.namespace);
        }
    }
    built.objects.shrink_to_fit();
    let mut seen = BTreeSet::new();
    built.unresolved.retain(|unresolved| seen.insert(unresolved.clone()));
    built
}

/// What a chart's `crds/` directory holds: Helm installs it as it is, without rendering.
fn custom_resources(release: &crate::helm::Release, files: &Files) -> Vec<Object> {
    let directory = release.chart.directory.as_ref().and_then(|directory| directory.join("crds"));
    let paths = directory.map(|directory| gitops::yaml_files(files, &directory, true)).unwrap_or_default();
    let ids = paths.iter().filter_map(|path| files.file_at(path)).map(|file| file.id);
    ids.flat_map(|id| gitops::objects_of(files, id)).collect()
}
