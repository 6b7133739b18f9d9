//! Releases with their patch level, which add-ons follow.

use std::fmt;

use crate::kubernetes::Version;

/// `1.34.2`
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Release {
    /// Major and minor.
    pub(super) line: Version,
    /// Patch level; 0 where none is written.
    pub(super) patch: u16,
}

impl Release {
    /// Reads `v1.34.2`, `1.34.2-1.1`, `v1.12.1`, `3.6.4-0`, `v1.34.2+k3s1`. `None` for ranges and channels.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let line = Version::parse(text)?;
        let numbers = text.trim_start_matches(['v', 'V']).split(['+', '-', '_']).next()?;
        let patch = numbers.split('.').nth(2).and_then(|patch| patch.parse().ok()).unwrap_or(0);
        Some(Self { line, patch })
    }

    /// The release in the tag of an image.
    pub(super) fn of_image(image: &str) -> Option<Self> {
        let without_digest = image.split('@').next()?;
        Self::parse(without_digest.rsplit('/').next()?.split_once(':')?.1)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.line, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_with_their_patch_level() {
        let read = |text| Release::parse(text).map(|release| release.to_string());
        assert_eq!(read("v1.34.2").as_deref(), Some("1.34.2"));
        assert_eq!(read("1.34.3-1.1").as_deref(), Some("1.34.3"));
        assert_eq!(read("3.6.4-0").as_deref(), Some("3.6.4"));
        assert_eq!(read("1.34").as_deref(), Some("1.34.0"));
        assert_eq!(read("stable-1.34"), None);
        assert_eq!(Release::of_image("registry.example:5000/kube-proxy:v1.33.1@sha256:00").map(|r| r.patch), Some(1));
        assert!(Release::parse("1.34.10") > Release::parse("1.34.9"));
    }
}
