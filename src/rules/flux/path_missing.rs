//! See `rules/flux/flux-path-missing.md`.

use std::collections::BTreeSet;

use super::world::World;
use crate::finding::nearest;
use crate::gitops::{Declared, SourceKind};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::RepoPath;
use crate::unresolved::Cause;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let world = World::of(repository);
    let source = |root: &'a crate::yaml::Node| {
        Some((root.str_at(&["spec", "sourceRef", "kind"])?, root.str_at(&["spec", "sourceRef", "name"])?))
    };
    // Sources that are this repository: some of their paths are here.
    let found = repository
        .apps
        .iter()
        .filter(|app| app.app.sources.iter().any(|source| matches!(source.kind, SourceKind::Kustomize { .. })));
    let found: BTreeSet<_> = found.filter_map(|app| app.app.declared.span()).collect();
    let own: BTreeSet<_> = world
        .built("Kustomization")
        .filter(|(member, _)| found.contains(&member.object.name_span()))
        .filter_map(|(member, _)| source(&member.object.root))
        .collect();
    for app in &repository.apps {
        let Declared::FluxKustomization(name) = app.app.declared else { continue };
        let missing = app.app.unresolved.iter().find(|unresolved| unresolved.cause == Cause::Missing);
        let Some(span) = missing.and_then(|missing| missing.span) else { continue };
        let declared = world.built("Kustomization").find(|(member, _)| {
            let path = member.object.root.at(&["spec", "path"]);
            member.object.name_span() == name && path.is_some_and(|path| path.span == span)
        });
        let Some((member, _)) = declared else { continue };
        let root = &member.object.root;
        let Some(text) = root.str_at(&["spec", "path"]) else { continue };
        let Some(reference) = source(root) else { continue };
        let url =
            world.named(reference.0, "", reference.1).find_map(|source| source.object.root.str_at(&["spec", "url"]));
        if !own.contains(&reference) && !url.is_some_and(|url| repository.inventory.own.is_own(url)) {
            continue;
        }
        findings.about(Some(app), Some(member.object));
        let message = format!(
            "there is no directory `{text}` in this repository: Flux reports `kustomization path not found` and leaves \
             everything of Kustomization `{}` as it was",
            member.object.id.name
        );
        let finding = findings.report(span, message);
        finding.label("no such directory");
        if let Some(near) = nearest_directory(text, repository) {
            finding.help(format!("did you mean `./{near}`?"));
        }
    }
}

/// The directory that was probably meant: below the deepest one that is there, the one with the nearest name, and in it
/// the rest of the path; else the nearest of all.
fn nearest_directory<'a>(text: &str, repository: &'a Repository) -> Option<&'a str> {
    let directories = repository.inventory.directories();
    let path = RepoPath::root().join(text)?;
    let candidates = directories.iter().map(RepoPath::as_str);
    let same_depth = |other: &&str| other.matches('/').count().abs_diff(path.as_str().matches('/').count()) <= 1;
    let same_end = |other: &&str| other.rsplit('/').next() == Some(path.file_name());
    let near = nearest(path.as_str(), candidates.clone().filter(same_depth).filter(same_end));
    near.or_else(|| nearest(path.as_str(), candidates.filter(same_depth)))
}
