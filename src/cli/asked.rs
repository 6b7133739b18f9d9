//! Which apps the user means by a name or a path.

use std::path::Path;

use super::Failure;
use super::scope::Scope;
use crate::finding::nearest;
use crate::gitops::SourceKind;
use crate::helm::Release;
use crate::report;
use crate::repository::{BuiltApp, Repository};
use crate::source::Span;

/// The apps that the user asks for: all, or those with a name (`web`, `HelmRelease/web`), or those that have to do with the path that `scope` is
/// for, or both.
///
/// # Errors
/// If there is none; the message suggests the nearest name.
pub(super) fn apps<'a>(
    name: Option<&str>,
    path: Option<&Path>,
    repository: &'a Repository,
    scope: &Scope,
) -> Result<Vec<&'a BuiltApp>, Failure> {
    let is_named = |built: &&BuiltApp| name.is_none_or(|name| is_called(built, name));
    let mut apps: Vec<&BuiltApp> = repository.apps.iter().filter(is_named).collect();
    if let Some(name) = name.filter(|_| apps.is_empty()) {
        let near = nearest(name, repository.apps.iter().map(|built| built.app.name.as_str()));
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        return Err(Failure::new(format!("there is no app `{name}`{hint}\n`presync apps` lists them all")));
    }
    let Some(path) = path else { return Ok(apps) };
    // Where one is declared, what is made of files beside it is not meant.
    let declared: Vec<&BuiltApp> =
        apps.iter().copied().filter(|built| is_declared_in(built, repository, scope)).collect();
    if name.is_some() && !declared.is_empty() {
        return Ok(declared);
    }
    apps.retain(|built| lies_in(built, repository, scope));
    if apps.is_empty() {
        let (path, what) = (path.display(), name.map_or("no app".to_owned(), |name| format!("no app `{name}`")));
        return Err(Failure::new(format!(
            "{path}: {what} is declared there or made of something there\n`presync apps` lists them all"
        )));
    }
    Ok(apps)
}

/// Whether an app has this name, alone or behind the kind of its declaration: `HelmRelease/web`.
fn is_called(built: &BuiltApp, name: &str) -> bool {
    let with_kind = || name.split_once('/').filter(|(kind, _)| *kind == report::apps::kind(built.app.declared));
    built.app.name == name || with_kind().is_some_and(|(_, name)| built.app.name == name)
}

fn is_declared_in(built: &BuiltApp, repository: &Repository, scope: &Scope) -> bool {
    let declared = built.app.declared.span();
    declared.is_some_and(|span| scope.includes(&repository.files.sources.file(span.file).path))
}

fn lies_in(built: &BuiltApp, repository: &Repository, scope: &Scope) -> bool {
    let of_release = |release: &Release| {
        let files = release.files.iter().map(|file| repository.files.sources.file(*file).path.clone());
        files.chain(release.chart.directory.clone()).any(|path| scope.includes(&path))
    };
    let is_inside = |span: Span| scope.includes(&repository.files.sources.file(span.file).path);
    is_declared_in(built, repository, scope)
        || built.objects.iter().any(|object| is_inside(object.root.span))
        || built.releases.iter().any(of_release)
        || built.app.sources.iter().any(|source| match &source.kind {
            SourceKind::Kustomize { directory, .. } => scope.includes(directory),
            SourceKind::Directory { files } => files.iter().any(|file| scope.includes(file)),
            SourceKind::Helm(_) | SourceKind::Unresolved => false,
        })
}
