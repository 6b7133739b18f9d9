//! Patterns for paths and names.

use globset::{GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};

use super::reader::Reader;
use crate::source::{RepoPath, Span};

/// Patterns for paths, as in `.gitignore`: without a `/` at any depth, with one from the repository's root; a pattern
/// that matches a directory matches everything in it.
#[derive(Clone, Debug, Default)]
pub struct PathGlobs(GlobSet);

impl PathGlobs {
    /// Whether a pattern matches the path or a directory above it.
    pub fn matches(&self, path: &RepoPath) -> bool {
        !self.0.is_empty() && self.0.is_match(path.as_str())
    }

    pub(super) fn read(patterns: &[(&str, Span)], reader: &mut Reader) -> Self {
        let mut set = GlobSetBuilder::new();
        for (pattern, span) in patterns {
            let inner = pattern.trim_matches('/');
            let anchored = pattern.trim_end_matches('/').contains('/');
            let own = if anchored { inner.to_owned() } else { format!("**/{inner}") };
            for form in [format!("{own}/**"), own] {
                set.add(match GlobBuilder::new(&form).literal_separator(true).build() {
                    Ok(glob) => glob,
                    Err(error) => {
                        reader.problem(*span, format!("`{pattern}` is no pattern: {}", error.kind()));
                        break;
                    }
                });
            }
        }
        // Each pattern was accepted alone; together they can only be too large to compile.
        let set = set.build().unwrap_or_else(|error| {
            if let Some((_, span)) = patterns.first() {
                reader.problem(*span, format!("these patterns can't be used together: {}", error.kind()));
            }
            GlobSet::empty()
        });
        Self(set)
    }
}

/// A pattern for a name, in which `*` stands for any characters.
pub(super) fn name_glob(pattern: &str, span: Span, reader: &mut Reader) -> Option<GlobMatcher> {
    match GlobBuilder::new(pattern).build() {
        Ok(glob) => Some(glob.compile_matcher()),
        Err(error) => {
            reader.problem(span, format!("`{pattern}` is no pattern: {}", error.kind()));
            None
        }
    }
}
