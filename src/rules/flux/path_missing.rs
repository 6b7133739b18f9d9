//! See `rules/flux/flux-path-missing.md`.

use std::collections::BTreeSet;

use foldhash::{HashMap, HashMapExt};

use super::world::{Member, World, slip};
use crate::gitops::{Declared, SourceKind};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::{RepoPath, Span};
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
    let mut by_place: HashMap<Span, Vec<Member<'a>>> = HashMap::new();
    for (member, _) in world.built("Kustomization") {
        by_place.entry(member.object.name_span()).or_default().push(member);
    }
    let mut directories: Option<Directories<'_>> = None;
    for app in &repository.apps {
        let Declared::FluxKustomization(name) = app.app.declared else { continue };
        let missing = app.app.unresolved.iter().find(|unresolved| unresolved.cause == Cause::Missing);
        let Some(span) = missing.and_then(|missing| missing.span) else { continue };
        if name == span {
            // The root that the Flux Operator makes, whose Kustomization is not in Git.
            let file = repository.files.sources.file(span.file);
            let text = file.slice(span).trim_matches(['"', '\'']);
            let near = directories.get_or_insert_with(|| Directories::of(repository)).nearest(text);
            if near.is_none() && !repository.inventory.own.is_known() {
                continue;
            }
            findings.about(Some(app), None);
            let message = format!(
                "there is no directory `{text}` in this repository: Flux reports `kustomization path not found`, and \
                 deploys nothing of the cluster"
            );
            let finding = findings.report(span, message);
            finding.label("no such directory");
            if let Some(near) = near {
                finding.help(format!("did you mean `{near}`?"));
            }
            continue;
        }
        let declared = by_place.get(&name).into_iter().flatten().find(|member| {
            let path = member.object.root.at(&["spec", "path"]);
            path.is_some_and(|path| path.span == span)
        });
        let Some(member) = declared else { continue };
        let root = &member.object.root;
        let Some(text) = root.str_at(&["spec", "path"]) else { continue };
        let Some(reference) = source(root) else { continue };
        let url =
            world.named(reference.0, "", reference.1).find_map(|source| source.object.root.str_at(&["spec", "url"]));
        let near = directories.get_or_insert_with(|| Directories::of(repository)).nearest(text);
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

/// More directories than this are not compared with paths that lead nowhere, in all.
const MOST_COMPARISONS: usize = 1_000_000;

/// The directories of the repository as lists of their parts, by the number of these.
struct Directories<'a> {
    by_depth: HashMap<usize, Vec<(&'a str, Vec<&'a str>)>>,
    comparisons: usize,
}

impl<'a> Directories<'a> {
    fn of(repository: &'a Repository) -> Self {
        let mut by_depth: HashMap<usize, Vec<_>> = HashMap::new();
        for path in repository.inventory.directories().iter().map(RepoPath::as_str) {
            let parts: Vec<&str> = path.split('/').collect();
            by_depth.entry(parts.len()).or_default().push((path, parts));
        }
        Self { by_depth, comparisons: 0 }
    }

    /// The directory that was probably meant. One part of its path differs: by a slip, by a word at its end, or in whatever
    /// way if no other directory is like it.
    fn nearest(&mut self, text: &str) -> Option<&'a str> {
        let path = RepoPath::root().join(text)?;
        let parts: Vec<&str> = path.as_str().split('/').collect();
        let candidates = self.by_depth.get(&parts.len())?;
        self.comparisons += candidates.len();
        if self.comparisons > MOST_COMPARISONS {
            return None;
        }
        let mut like = Vec::new();
        let mut unlike = Vec::new();
        for (other, others) in candidates {
            let mut different = parts.iter().zip(others).filter(|(a, b)| a != b);
            let (Some((written, there)), None) = (different.next(), different.next()) else { continue };
            if slip(written, [*there]).is_some() || written.starts_with(there) || there.starts_with(written) {
                like.push((strsim::damerau_levenshtein(written, there), *other));
            } else if parts.len() > 2 && parts.last() == others.last() {
                unlike.push(*other);
            }
        }
        let only = unlike.first().filter(|_| unlike.len() == 1).copied();
        like.into_iter().min().map(|(_, other)| other).or(only)
    }
}
