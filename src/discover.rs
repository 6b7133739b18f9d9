//! The walk: which files a repository has.
//!
//! Honours `.gitignore`, never follows a symbolic link (links are listed with their targets instead, so loops can't
//! occur and no file is read twice), and leaves out what belongs to version control. What files *mean* is decided in
//! `gitops`.

use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use crate::source::{RepoPath, Sources};

/// The name of the settings file, which marks the root of a repository that lies inside another.
pub const CONFIG_FILE: &str = ".presync.yaml";

/// A finished walk.
pub struct Walk {
    /// Every file, sorted by path.
    pub sources: Sources,
    /// What could not be read, in the operating system's words: a directory without permission, a name that is no text.
    pub unreadable: Vec<String>,
    /// Symbolic links whose target lies outside the repository; they are not followed.
    pub leaving: Vec<RepoPath>,
}

/// The repository that holds `path`: the nearest directory upwards with a `.git` or a `.presync.yaml`, else `path` itself,
/// or the directory of the file `path`.
///
/// # Errors
/// If `path` does not exist.
pub fn repository_root(path: &Path) -> std::io::Result<PathBuf> {
    let path = path.canonicalize()?;
    let own = if path.is_dir() { path.as_path() } else { path.parent().unwrap_or(&path) };
    Ok(own.ancestors().find(|ancestor| is_root(ancestor)).unwrap_or(own).to_path_buf())
}

/// Whether a directory says itself that a repository starts here.
pub fn is_root(directory: &Path) -> bool {
    directory.join(".git").exists() || directory.join(CONFIG_FILE).is_file()
}

/// Whether files and directories of this name are no part of a repository's content: they belong to version control, or
/// are packages that an installer brings.
pub fn is_left_out(name: &str) -> bool {
    matches!(name, ".git" | ".hg" | ".svn" | "node_modules")
}

/// Lists every file below `root`, which must be canonical.
pub fn walk(root: &Path) -> Walk {
    let mut files = Vec::new();
    let mut links = Vec::new();
    let mut leaving = Vec::new();
    let mut unreadable = Vec::new();
    let walker = WalkBuilder::new(root)
        .hidden(false)
        .require_git(false)
        .parents(false)
        .git_global(false)
        .filter_entry(|entry| !entry.file_name().to_str().is_some_and(is_left_out))
        .build();
    for entry in walker {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                unreadable.push(error.to_string());
                continue;
            }
        };
        let Some(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            continue;
        }
        let below = entry.path().strip_prefix(root).unwrap_or(entry.path());
        let Some(path) = below.to_str().and_then(RepoPath::new) else {
            unreadable.push(format!("{}: the name is not UTF-8", below.display()));
            continue;
        };
        if !kind.is_symlink() {
            files.push(path);
            continue;
        }
        let target = entry.path().canonicalize().ok();
        match target.as_deref().map(|target| target.strip_prefix(root)) {
            Some(Ok(target)) => links.extend(target.to_str().and_then(RepoPath::new).map(|target| (path, target))),
            Some(Err(_)) => leaving.push(path),
            None => unreadable.push(format!("{path}: the symbolic link points nowhere or to itself")),
        }
    }
    files.sort();
    links.sort();
    leaving.sort();
    unreadable.sort();
    Walk { sources: Sources::listed(root.to_path_buf(), files, links), unreadable, leaving }
}
