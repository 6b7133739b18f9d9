//! Which repository a run is about, which of its files are asked for, and how its paths are written for the user.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Context, Failure, Surroundings};
use crate::config::{self, Config, ConfigProblem, Day};
use crate::discover;
use crate::files::Files;
use crate::finding::{Confidence, Finding, Label, RuleId, Severity};
use crate::kubernetes::{Target, Version};
use crate::report::{self, Canvas, Paths};
use crate::repository::Repository;
use crate::rules::{self, Rule};
use crate::source::{Entry, RepoPath, Sources};

/// Settings that every verb that reads a repository takes.
#[derive(Args)]
pub(super) struct Settings {
    /// Settings to use instead of .presync.yaml at the repository's root
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Kubernetes version of the cluster, such as 1.34
    #[arg(long, value_name = "VERSION")]
    pub(super) kubernetes_version: Option<String>,
    /// Judge dates, such as the ends of certificates, for this day; without it no rule looks at a date
    #[arg(long, value_name = "DATE")]
    pub(super) at: Option<String>,
}

/// A repository that was read.
pub(super) struct Reading {
    /// The repository, built.
    pub(super) repository: Repository,
    /// The rules: those of the program and those of the repository.
    pub(super) rules: Vec<Rule>,
    /// What the walk did not read, and why.
    pub(super) unreadable: Vec<String>,
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

    /// Reads and builds the whole repository. Mistakes in the settings are shown on standard error.
    pub(super) fn read(&self, settings: &Settings, context: &mut Context<'_>) -> Result<Reading, Failure> {
        let walk = discover::walk(&self.root);
        let files = Files::new(walk.sources);
        let (mut config, mut problems) = match &settings.config {
            Some(path) => Config::load_from(&files, &self.inside(path, &files)?),
            None => Config::load(&files),
        };
        let (rules, more) = rules::load(&files, &config);
        problems.extend(more);
        if !problems.is_empty() {
            self.show(&problems, &files, context)?;
            return Err(Failure::Shown);
        }
        if let Some(text) = &settings.kubernetes_version {
            let version = Version::parse(text);
            let version = version.ok_or_else(|| {
                Failure::new(format!("--kubernetes-version {text}: no Kubernetes release; write it as 1.34"))
            })?;
            config.kubernetes = Some(Target { version, span: None });
        }
        if let Some(text) = &settings.at {
            let day = Day::parse(text);
            config.at = Some(day.ok_or_else(|| Failure::new(format!("--at {text}: no day; write it as 2026-11-21")))?);
        }
        let mut unreadable = walk.unreadable;
        unreadable.extend(walk.leaving.iter().map(|path| format!("{path}: the symbolic link leaves the repository")));
        Ok(Reading { repository: crate::read(files, config), rules, unreadable })
    }

    /// The program's rules, and those of the repository that the user stands in. What is wrong with the latter is for
    /// `lint` to say.
    pub(super) fn rules(surroundings: &Surroundings) -> Vec<Rule> {
        let scope = Self::new(&[], surroundings).ok();
        // A walk takes its time, which is lost where no settings can ask for own rules.
        let own =
            scope.filter(|scope| [config::FILE_NAME, ".presync"].iter().any(|name| scope.root.join(name).exists()));
        let Some(scope) = own else { return rules::built_in() };
        let files = Files::new(discover::walk(&scope.root).sources);
        let (config, _) = Config::load(&files);
        rules::load(&files, &config).0
    }

    /// The settings file that the user names, which must lie in the repository: findings point into it.
    fn inside(&self, path: &Path, files: &Files) -> Result<RepoPath, Failure> {
        let shown = path.display();
        let located = self.standing.join(path).canonicalize();
        let located = located.map_err(|error| Failure::new(format!("{shown}: {}", reason(&error))))?;
        let inside = files.sources.relative(&located).filter(|path| files.file_at(path).is_some());
        inside.ok_or_else(|| Failure::new(format!("{shown}: the settings must be a file of the repository")))
    }

    fn show(&self, problems: &[ConfigProblem], files: &Files, context: &mut Context<'_>) -> Result<(), Failure> {
        let finding = |problem: &ConfigProblem| Finding {
            rule: RuleId::new("config"),
            severity: Severity::Error,
            confidence: Confidence::High,
            message: problem.message.clone(),
            primary: Label { span: problem.span, message: String::new() },
            related: Vec::new(),
            help: problem.help.clone(),
            fix: None,
            object: None,
            apps: Vec::new(),
        };
        let findings: Vec<Finding> = problems.iter().map(finding).collect();
        let Surroundings { colour, width, .. } = *context.surroundings;
        let canvas = Canvas { files, paths: &self.paths(), colour, width };
        Ok(report::draw(&canvas, &findings, context.error)?)
    }

    /// Whether the user names single files only, as a commit hook does with those that changed.
    pub(super) fn names_files_only(&self, sources: &Sources) -> bool {
        let is_file = |path| matches!(sources.entry(path), Some(Entry::File(_)));
        !self.selected.is_empty() && self.selected.iter().all(is_file)
    }

    /// How the user writes paths of this repository.
    pub(super) fn paths(&self) -> Paths {
        Paths::new(&self.root, &self.standing)
    }

    /// How GitHub or GitLab writes paths of this repository: from the top of the checkout.
    pub(super) fn platform_paths(&self) -> Paths {
        let checkout = self.root.ancestors().find(|ancestor| ancestor.join(".git").exists());
        Paths::new(&self.root, checkout.unwrap_or(&self.standing))
    }
}

/// The repository that holds all paths. Without a repository, the nearest directory that holds them all.
fn common_root(paths: &[PathBuf]) -> Result<PathBuf, Failure> {
    let mut roots = Vec::new();
    for path in paths {
        let root = discover::repository_root(path);
        roots.push(root.map_err(|error| Failure::new(format!("{}: {}", path.display(), reason(&error))))?);
    }
    let Some(first) = roots.first().cloned() else { return Err(Failure::new("no path is named")) };
    let other = roots.iter().find(|root| **root != first);
    if let Some(other) = other.filter(|_| roots.iter().any(|root| discover::is_root(root))) {
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
