//! See `rules/manifest/manifest-directory-not-applied.md`.

use std::collections::{BTreeMap, BTreeSet};

use crate::gitops::{Declared, SourceKind, Standing, generator_files, is_declaration};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::RepoPath;

pub(crate) const CHECK: Check = Check::Repository(check);

/// Names of directories that are applied by hand, before the controller is there.
const BY_HAND: [&str; 4] = ["bootstrap", "install", "seed", "setup"];

/// Directories beside it that apps deploy: so many make a habit.
const HABIT: usize = 3;

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut applied: BTreeMap<RepoPath, BTreeSet<RepoPath>> = BTreeMap::new();
    for directory in repository.apps.iter().filter(is_declared).flat_map(directories) {
        if let Some(parent) = directory.parent() {
            applied.entry(parent).or_default().insert(directory);
        }
    }
    let mut left: BTreeMap<RepoPath, Vec<(RepoPath, &BuiltApp)>> = BTreeMap::new();
    for app in repository.apps.iter().filter(|app| is_left(app) && app.app.standing == Standing::Deployed) {
        for directory in directories(app) {
            if let Some(parent) = directory.parent() {
                left.entry(parent).or_default().push((directory, app));
            }
        }
    }
    let namesakes: BTreeSet<&str> =
        repository.apps.iter().filter(is_declared).map(|app| app.app.name.as_str()).collect();
    // A generator that asks a file in the directory was told to leave it out.
    let asked: BTreeSet<RepoPath> = match left.is_empty() {
        true => BTreeSet::new(),
        false => {
            let files = generator_files(&repository.inventory, &repository.files);
            files.iter().filter_map(RepoPath::parent).collect()
        }
    };
    for (parent, left) in left {
        let habit = applied.get(&parent).map_or(0, BTreeSet::len);
        // Where a third or more is not applied, the directory holds other things too.
        let is_habit = habit >= HABIT && left.len() * 3 <= habit;
        for (directory, app) in left {
            // An app of that name, which takes a chart only, was surely meant to take its manifests too.
            let has_namesake = habit > 0 && namesakes.contains(directory.file_name());
            let is_applied = applied.get(&parent).is_some_and(|applied| applied.contains(&directory));
            let by_hand = directory.file_name().split(['-', '_', '.']).any(|word| BY_HAND.contains(&word));
            if by_hand || is_applied || !is_habit && !has_namesake || asked.contains(&directory) {
                continue;
            }
            let Some(object) = app.objects.first() else { continue };
            // What declares the apps has to be applied by hand once.
            if app.objects.iter().any(|object| is_declaration(&object.id) || object.id.kind == "AppProject") {
                continue;
            }
            findings.about(Some(app), Some(object));
            let message = format!(
                "`{directory}` holds manifests, but no app points at it: they are never applied, as what lies beside it in \
                 `{parent}` is"
            );
            findings
                .report(object.name_span(), message)
                .help("give an app a source with this path, or delete the directory");
        }
    }
}

fn is_declared(app: &&BuiltApp) -> bool {
    matches!(app.app.declared, Declared::ArgoApplication(_) | Declared::FluxKustomization(_))
}

/// Whether nothing but its place on disk makes it an app.
fn is_left(app: &BuiltApp) -> bool {
    matches!(app.app.declared, Declared::Directory | Declared::Kustomization)
}

/// The directories that an app deploys from.
fn directories(app: &BuiltApp) -> BTreeSet<RepoPath> {
    let mut found = BTreeSet::new();
    for source in &app.app.sources {
        match &source.kind {
            SourceKind::Kustomize { directory, .. } => {
                found.insert(directory.clone());
            }
            SourceKind::Directory { files } => found.extend(files.iter().filter_map(RepoPath::parent)),
            SourceKind::Helm(_) | SourceKind::Unresolved => {}
        }
    }
    found
}
