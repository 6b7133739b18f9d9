//! See `rules/flux/flux-path-missing.md`.

use std::collections::BTreeSet;

use super::world::{World, slip};
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
        let near = nearest_directory(text, repository);
        if near.is_none() && !own.contains(&reference) && !url.is_some_and(|url| repository.inventory.own.is_own(url)) {
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
        if let Some(near) = near {
            finding.help(format!("did you mean `./{near}`?"));
        }
    }
}

/// The directory that was probably meant. One part of its path differs: by a slip, by a word at its end, or in whatever
/// way if no other directory is like it.
fn nearest_directory<'a>(text: &str, repository: &'a Repository) -> Option<&'a str> {
    let path = RepoPath::root().join(text)?;
    let parts: Vec<&str> = path.as_str().split('/').collect();
    let mut like = Vec::new();
    let mut unlike = Vec::new();
    for other in repository.inventory.directories().iter().map(RepoPath::as_str) {
        let others: Vec<&str> = other.split('/').collect();
        let mut different = parts.iter().zip(&others).filter(|(a, b)| a != b);
        let (Some((written, there)), None) = (different.next(), different.next()) else { continue };
        if parts.len() != others.len() {
            continue;
        }
        if slip(written, [*there]).is_some() || written.starts_with(there) || there.starts_with(written) {
            like.push((strsim::damerau_levenshtein(written, there), other));
        } else if parts.len() > 2 && parts.last() == others.last() {
            unlike.push(other);
        }
    }
    let only = unlike.first().filter(|_| unlike.len() == 1).copied();
    like.into_iter().min().map(|(_, other)| other).or(only)
}
