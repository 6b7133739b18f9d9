//! Directory sources: which files are applied as they are, and the globs that choose them.

use globset::{GlobBuilder, GlobMatcher};

use super::super::inventory::yaml_files;
use crate::files::Files;
use crate::source::{FileId, RepoPath};
use crate::yaml::Node;

/// The files that a directory source applies, sorted. Without `recurse` those of subdirectories are left alone;
/// `include` and `exclude` are globs over the path below the source's directory, in which `*` crosses `/`.
pub(super) fn files(options: Option<&Node>, directory: &RepoPath, files: &Files) -> Vec<RepoPath> {
    chosen(options, directory, yaml_files(files, directory, recurses(options)))
}

/// The first Jsonnet program among the files that a directory source applies.
pub(super) fn program(options: Option<&Node>, directory: &RepoPath, files: &Files) -> Option<RepoPath> {
    let is_program = |path: &RepoPath| path.extension() == Some("jsonnet");
    let found = files.below(directory, recurses(options), &is_program);
    chosen(options, directory, found).into_iter().next()
}

fn recurses(options: Option<&Node>) -> bool {
    options.and_then(|options| options.get("recurse")).and_then(Node::as_bool).unwrap_or(false)
}

/// Those of the files that the globs choose.
fn chosen(options: Option<&Node>, directory: &RepoPath, mut found: Vec<RepoPath>) -> Vec<RepoPath> {
    let option = |key| options.and_then(|options| options.get(key));
    let pattern = |key| option(key).and_then(Node::as_str).filter(|text| !text.is_empty()).map(glob);
    let (include, exclude) = (pattern("include"), pattern("exclude"));
    found.retain(|path| {
        let below = path.relative_to(directory);
        let matches = |glob: &Option<GlobMatcher>| glob.as_ref().is_some_and(|glob| glob.is_match(&below));
        !matches!(&exclude, Some(glob) if matches(glob))
            && (include.is_none() || matches!(&include, Some(glob) if matches(glob)))
    });
    found
}

/// The patterns of a directory source that are none; they match nothing.
pub(super) fn broken_patterns(options: Option<&Node>) -> Vec<&Node> {
    let patterns = ["include", "exclude"].into_iter().filter_map(|key| options?.get(key));
    patterns.filter(|pattern| pattern.as_str().is_some_and(|text| !text.is_empty() && glob(text).is_none())).collect()
}

/// A glob as Argo CD reads it in a directory source. `None` for a pattern that is none; it matches nothing.
fn glob(pattern: &str) -> Option<GlobMatcher> {
    GlobBuilder::new(pattern).literal_separator(false).build().ok().map(|glob| glob.compile_matcher())
}

/// A pattern over paths, in which `*` stays within one part of the path and `**` crosses.
pub(super) struct PathGlob {
    matcher: GlobMatcher,
    /// The text before the first special character: every match starts with it.
    fixed: String,
}

impl PathGlob {
    /// Reads a pattern; `None` if it is none.
    pub(super) fn new(pattern: &str) -> Option<Self> {
        Self::read(pattern, true)
    }

    /// Reads a pattern in which `*` crosses, as `git ls-files` has it.
    pub(super) fn crossing(pattern: &str) -> Option<Self> {
        Self::read(pattern, false)
    }

    fn read(pattern: &str, separate: bool) -> Option<Self> {
        let matcher = GlobBuilder::new(pattern).literal_separator(separate).build().ok()?.compile_matcher();
        let fixed = pattern.split(['*', '?', '[', '{', '\\']).next().unwrap_or_default().to_owned();
        Some(Self { matcher, fixed })
    }

    pub(super) fn matches(&self, path: &RepoPath) -> bool {
        self.matcher.is_match(path.as_str())
    }

    /// The paths that match, of a sorted list. Only those are looked at that start as the pattern does.
    pub(super) fn among<'s, 'p>(&'s self, sorted: &'p [RepoPath]) -> impl Iterator<Item = &'p RepoPath> + use<'s, 'p> {
        let start = sorted.partition_point(|path| path.as_str() < self.fixed.as_str());
        let candidates = sorted.get(start..).unwrap_or_default().iter();
        candidates.take_while(|path| path.as_str().starts_with(&self.fixed)).filter(|path| self.matches(path))
    }
}

/// The files whose path matches a pattern, sorted.
pub(super) fn expand_glob(files: &Files, pattern: &RepoPath) -> Vec<FileId> {
    let Some(glob) = PathGlob::new(pattern.as_str()) else { return Vec::new() };
    let sources = files.sources.files();
    let mut found: Vec<_> = sources.iter().filter(|file| glob.matches(&file.path)).collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found.into_iter().map(|file| file.id).collect()
}
