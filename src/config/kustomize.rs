//! Releases of kustomize, where they differ in what they make of the same files.
//!
//! Controllers carry a release of their own, so a repository may say which one counts. What only a later release can
//! read, such as a new field, is taken as that release takes it; releases before 5.5 are built as 5.5.

use std::fmt;

/// A release of kustomize 5, by its second number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KustomizeRelease(u8);

impl KustomizeRelease {
    /// The newest release whose behaviour is known.
    pub const CURRENT: Self = Self(8);

    /// Reads `5.5`, `v5.8.1` or the like. Later releases are taken for the current one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
        let (major, minor): (u8, u8) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let rest_is_number = parts.next().is_none_or(|patch| patch.parse::<u32>().is_ok()) && parts.next().is_none();
        (major == 5 && rest_is_number).then(|| Self(minor).min(Self::CURRENT))
    }

    /// Whether a patch file that holds nothing is passed over (5.7).
    pub(crate) fn passes_over_empty_patches(self) -> bool {
        self.0 >= 7
    }

    /// Whether `images` reach image volumes (5.7).
    pub(crate) fn knows_image_volumes(self) -> bool {
        self.0 >= 7
    }

    /// Whether the targets of replacements are selected by patterns rather than by names (5.8).
    pub(crate) fn selects_by_pattern(self) -> bool {
        self.0 >= 8
    }

    /// Whether replacements look into YAML and JSON that stands in a text (5.8).
    pub(crate) fn looks_into_texts(self) -> bool {
        self.0 >= 8
    }
}

impl Default for KustomizeRelease {
    fn default() -> Self {
        Self::CURRENT
    }
}

impl fmt::Display for KustomizeRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "5.{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read() {
        let read = |text: &str| KustomizeRelease::parse(text).map(|release| release.to_string());
        assert_eq!(read("5.5"), Some("5.5".to_owned()));
        assert_eq!(read("v5.7.1"), Some("5.7".to_owned()));
        assert_eq!(read("5.12"), Some("5.8".to_owned()), "a later one is taken for the current one");
        for text in ["", "5", "4.5", "latest", "5.x", "5.5.1.2", "6.0"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
