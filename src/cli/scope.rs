//! Which repository a run is about, which of its files are asked for, and how its paths are written for the user.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Failure, Surroundings};
use crate::config::Config;
use crate::discover;
use crate::files::Files;
use crate::report::Paths;
use crate::repository::Repository;
use crate::source::RepoPath;

/// Settings that every verb that reads a repository takes.
#[derive(Args)]
pub(super) struct Settings {
    /// Settings to use instead of .presync.yaml at the repository's root
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Kubernetes version of the cluster, such as 1.34
    #[arg(long, value_name = "VERSION")]
    pub(super) kubernetes_version: Option<String>,
}

/// The repository and the part of it that the user names.
pub(super) struct Scope {
    /// The repository's root, canonical.
    pub(super) root: PathBuf,
    /// What the user named; empty for everything.
    selected: Vec<RepoPath>,
    /// Where the user stands, canonical.
    standing: PathBuf,
}

impl Scope {
    /// Finds the repository that holds `paths`; none means the current directory.
    pub(super) fn new(paths: &[PathBuf], surroundings: &Surroundings) -> Result<Self, Failure> {
        let standing = surroundings.directory.canonicalize();
        let standing = standing.map_err(|error| Failure::new(format!("the current directory: {error}")))?;
        let mut found: Vec<PathBuf> = Vec::new();
        for path in paths {
            let located = standing.join(path).canonicalize();
            found.push(located.map_err(|error| Failure::new(format!("{}: {}", path.display(), reason(&error))))?);
        }
        if found.is_empty() {
            found.push(standing.clone());
        }
        let root = common_root(&found)?;
        let mut selected = Vec::new();
        for path in &found {
            let Ok(below) = path.strip_prefix(&root) else { continue };
            let below = below.to_str().and_then(RepoPath::new);
            selected.push(below.ok_or_else(|| Failure::new(format!("{}: the name is not UTF-8", path.display())))?);
        }
        if selected.contains(&RepoPath::root()) {
            selected.clear();
        }
        Ok(Self { root, selected, standing })
    }

    /// Whether the user asks for what is found in this file.
    pub(super) fn includes(&self, path: &RepoPath) -> bool {
        self.selected.is_empty() || self.selected.iter().any(|selected| path.is_within(selected))
    }

    /// Reads and builds the whole repository.
    pub(super) fn read(&self, settings: &Settings) -> Result<Repository, Failure> {
        let _ = (&settings.config, &settings.kubernetes_version);
        Ok(crate::read(Files::new(discover::walk(&self.root).sources), Config::default()))
    }

    /// How the user writes paths of this repository.
    pub(super) fn paths(&self) -> Paths {
        Paths::new(&self.root, &self.standing)
    }
}

/// The repository that holds all paths: the nearest directory upwards with a `.git`, else the nearest that holds them all.
fn common_root(paths: &[PathBuf]) -> Result<PathBuf, Failure> {
    let mut roots = Vec::new();
    for path in paths {
        let root = discover::repository_root(path);
        roots.push(root.map_err(|error| Failure::new(format!("{}: {}", path.display(), reason(&error))))?);
    }
    let Some(first) = roots.first().cloned() else { return Err(Failure::new("no path is named")) };
    let other = roots.iter().find(|root| **root != first);
    if let Some(other) = other.filter(|_| roots.iter().any(|root| root.join(".git").exists())) {
        let (first, other) = (first.display(), other.display());
        return Err(Failure::new(format!("{first} and {other} are two repositories; lint one at a time")));
    }
    let holds_all = |root: &&Path| roots.iter().all(|other| other.starts_with(root));
    Ok(first.ancestors().find(holds_all).unwrap_or(&first).to_path_buf())
}

/// The operating system's words without the number that Rust puts behind them.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
