//! presync reads a GitOps repository as Argo CD or Flux would, builds what would reach the cluster, judges it, and
//! points at the line to mend.
//!
//! ```text
//! path ─ discover ─▶ files ─ yaml ─▶ spanned trees ─ gitops ─▶ apps ─ build ─▶ objects ─ rules ─▶ findings ─ report
//! ```
//!
//! The modules form a ladder: each may use those above it in this list, never one below. Only `source`, `discover`, `git`
//! and `cli` touch the world: files, Git's object store, the environment, streams.

pub mod source;
pub mod yaml;
pub mod gotemplate;
pub mod discover;
pub mod git;
pub mod files;
pub mod finding;
pub mod kubernetes;
pub mod unresolved;
pub mod sops;
pub mod references;
pub mod config;
pub mod helm;
pub mod kustomize;
pub mod gitops;
pub mod repository;
pub mod rules;
pub mod lint;
pub mod fix;
pub mod report;
pub mod cli;

use config::Config;
use files::Files;
use repository::{Repository, Since};

/// Reads and builds a repository: everything before the rules.
pub fn read(files: Files, config: Config) -> Repository {
    let sources = files.sources.files();
    let wanted: Vec<_> = sources.iter().filter(|file| is_yaml(&file.path)).map(|file| file.id).collect();
    files.parse_all(&wanted);
    Repository::build(files, config)
}

/// Reads and builds an earlier state of a repository by the settings of now. `revision` is how the user names that state.
pub fn read_earlier(files: Files, config: &Config, revision: &str) -> Since {
    let config = config.for_files(&files);
    Since::new(read(files, config), revision)
}

/// Whether a file's name says that it holds YAML or JSON.
pub fn is_yaml(path: &source::RepoPath) -> bool {
    matches!(path.extension(), Some("yaml" | "yml" | "json")) || path.file_name() == "Kustomization"
}
