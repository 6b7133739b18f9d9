//! Versions of Kubernetes and of the programs that bring custom resources, as far as API lifecycles need them.
//!
//! APIs come and go with minor releases, so the patch level is read over. Left out: ranges and build metadata.

use std::fmt;

/// A release line: major and minor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version {
    /// Major.
    pub major: u16,
    /// Minor.
    pub minor: u16,
}

impl Version {
    /// A release line.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// Reads `1.34`, `v1.34.2`, `v1.34.2+k3s1`, `1.33.5-gke.1080000`, `v1.31.0-rc.1`. `None` for anything else, such as
    /// a range, a channel or a major version alone.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let numbers = text.split(['+', '-', '_']).next()?;
        let mut parts = numbers.split('.');
        let mut number = || {
            let part = parts.next()?;
            let decimal = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            if decimal { part.parse().ok() } else { None }
        };
        let version = Self { major: number()?, minor: number()? };
        // Whatever follows must be numbers too: `1.x` is a range, `1.34.x` as well.
        parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())).then_some(version)
    }

    /// The version of an image reference's tag: `registry.k8s.io/kube-apiserver:v1.34.2@sha256:…`.
    pub fn of_image(image: &str) -> Option<Self> {
        let without_digest = image.split('@').next()?;
        let name = without_digest.rsplit('/').next()?;
        Self::parse(name.split_once(':')?.1)
    }

    /// How many minor releases `self` is ahead of `other`; negative if behind. `None` between two majors.
    pub fn minors_ahead_of(self, other: Self) -> Option<i32> {
        (self.major == other.major).then(|| i32::from(self.minor) - i32::from(other.minor))
    }
}

/// `1.34`
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_people_write_them() {
        let good =
            ["1.34", "v1.34", "1.34.2", "v1.34.2+k3s1", "v1.34.2-rke2r1", "1.34.5-gke.1080000", "v1.34.0_vmware.1"];
        for text in good {
            assert_eq!(Version::parse(text), Some(Version::new(1, 34)), "{text}");
        }
        for text in ["", "v1", "1.x", ">=1.34", "1.34.x", "stable", "1.-1", "70000.1", "1.+3"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
        assert!(Version::new(1, 9) < Version::new(1, 10));
    }

    #[test]
    fn images_carry_versions() {
        let image = "registry.example:5000/kube-apiserver:v1.33.1@sha256:00";
        assert_eq!(Version::of_image(image), Some(Version::new(1, 33)));
        assert_eq!(Version::of_image("registry.example:5000/kube-apiserver"), None);
    }
}
