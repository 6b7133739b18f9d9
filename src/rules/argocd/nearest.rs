//! The path that a declaration most likely meant, and whether the path is to be looked for here at all.

use crate::finding::nearest;
use crate::repository::Repository;
use crate::source::{Entry, RepoPath};
use crate::yaml::Node;

/// Whether a source asks for a fixed commit or tag: then other files count than those that lie here now.
pub(super) fn is_pinned(source: &Node) -> bool {
    let revision = source.get("targetRevision").and_then(Node::as_text).unwrap_or_default();
    let is_commit = revision.len() >= 7 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = revision.strip_prefix('v').unwrap_or(revision);
    is_commit || number.starts_with(|first: char| first.is_ascii_digit()) || revision.starts_with("refs/tags/")
}

/// Whether a source asks for a state that is not the one at hand: a fixed commit or tag, or a branch that seems to be
/// another one, since of the sources that name it not even half find their paths here.
pub(super) fn is_elsewhere(source: &Node, repository: &Repository) -> bool {
    let revision = source.get("targetRevision").and_then(Node::as_text).unwrap_or_default();
    if is_pinned(source) {
        return true;
    }
    if matches!(revision, "" | "HEAD" | "main" | "master" | "refs/heads/main" | "refs/heads/master") {
        return false;
    }
    let applications = repository.apps.iter().filter_map(|app| app.app.application.as_ref());
    let (mut found, mut missing) = (0, 0);
    for source in applications.flat_map(|application| application.sources()) {
        if source.get("targetRevision").and_then(Node::as_text) != Some(revision) {
            continue;
        }
        let path = source.str_at(&["path"]).and_then(|path| RepoPath::root().join(path.trim()));
        match path.map(|path| repository.files.sources.entry(&path).is_some()) {
            Some(true) => found += 1,
            Some(false) => missing += 1,
            None => {}
        }
    }
    found <= missing
}

/// The path that was most likely meant in place of `wanted`, among those of the same sort: files or directories.
///
/// A path whose end is the wanted one comes first, that below `home` before others; then the wanted path without its
/// first parts; then one with a slip in a name.
pub(super) fn nearest_path(
    repository: &Repository,
    wanted: &RepoPath,
    home: Option<&RepoPath>,
    directory: bool,
) -> Option<RepoPath> {
    let sources = &repository.files.sources;
    let fits = |path: &RepoPath| match sources.entry(path) {
        Some(Entry::Directory) => directory,
        Some(Entry::File(_)) => !directory,
        None => false,
    };
    let end = format!("/{wanted}");
    let mut longer: Vec<RepoPath> = if directory {
        repository.inventory.directories().iter().filter(|path| path.as_str().ends_with(&end)).cloned().collect()
    } else {
        sources.files().iter().map(|file| file.path.clone()).filter(|path| path.as_str().ends_with(&end)).collect()
    };
    if longer.len() > 1 {
        longer.retain(|path| home.is_some_and(|home| path.is_within(home)));
    }
    if let [only] = longer.as_slice() {
        return Some(only.clone());
    }
    let parts: Vec<&str> = wanted.as_str().split('/').collect();
    let shorter = (1..parts.len()).filter_map(|from| RepoPath::new(&parts.get(from..)?.join("/")));
    if let Some(found) = shorter.take(parts.len().saturating_sub(2)).find(fits) {
        return Some(found);
    }
    let mut current = RepoPath::root();
    for part in parts {
        let next = current.join(part)?;
        if sources.entry(&next).is_some() {
            current = next;
            continue;
        }
        let children = sources.children(&current);
        let name = nearest(part, children.iter().map(RepoPath::file_name))?;
        current = current.join(name)?;
    }
    fits(&current).then_some(current)
}
