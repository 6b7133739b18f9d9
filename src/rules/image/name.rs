//! The parts of an image reference, as container runtimes read it.
//!
//! Source: distribution/reference, `normalize.go` and `regexp.go`.

/// A reference with what a runtime adds to a short one.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Name<'a> {
    /// The registry; `docker.io` where none is written.
    pub(super) registry: &'a str,
    /// Registry and path: `docker.io/library/nginx` for `nginx`.
    pub(super) full: String,
    /// How many bytes of the text the registry takes, with the slash behind it; 0 where none is written.
    pub(super) written_registry: usize,
    /// The tag, if one is written.
    pub(super) tag: Option<&'a str>,
    /// Whether a digest is written.
    pub(super) has_digest: bool,
}

impl<'a> Name<'a> {
    /// Takes a reference apart. It need not be a valid one.
    pub(super) fn of(text: &'a str) -> Self {
        let (text, has_digest) = text.split_once('@').map_or((text, false), |(name, _)| (name, true));
        let after_slash = text.rfind('/').map_or(0, |at| at + 1);
        let colon = text.get(after_slash..).and_then(|last| last.find(':')).map(|at| after_slash + at);
        let (name, tag) = match colon {
            Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
            None => (text, None),
        };
        let (registry, path, written_registry) = match name.split_once('/') {
            Some((first, rest)) if is_registry(first) => (first, rest, first.len() + 1),
            _ => ("docker.io", name, 0),
        };
        let registry =
            if matches!(registry, "index.docker.io" | "registry-1.docker.io") { "docker.io" } else { registry };
        let library = if registry == "docker.io" && !path.contains('/') { "library/" } else { "" };
        Self { registry, full: format!("{registry}/{library}{path}"), written_registry, tag, has_digest }
    }
}

/// Whether the first part of a name is a registry and no directory.
fn is_registry(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost" || first.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// What makes a reference one that no runtime takes; `None` if it is well formed.
pub(super) fn fault(text: &str) -> Option<String> {
    if text.contains("<nil>") || text.contains("%!") || text.contains("map[") {
        return Some("a template has printed an empty value into it".to_owned());
    }
    if let Some((scheme, _)) = text.split_once("://") {
        return Some(format!("`{scheme}://` can't stand in it"));
    }
    if text.chars().any(char::is_whitespace) {
        return Some("it has a space in it".to_owned());
    }
    let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
    if let Some(digest) = digest {
        let is_hash = digest.split_once(':').is_some_and(|(algorithm, hex)| {
            let length = if algorithm == "sha256" { 64 } else { 32 };
            hex.len() >= length && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        if !is_hash {
            return Some(format!("`{digest}` is no digest"));
        }
    }
    let parts = Name::of(name);
    if let Some(tag) = parts.tag {
        let starts = tag.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_');
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        if tag.is_empty() {
            return Some("nothing stands behind the last colon".to_owned());
        }
        if !starts || tag.len() > 128 || !tag.bytes().all(known) {
            return Some(format!("`{tag}` is no tag"));
        }
    }
    let path = parts.full.strip_prefix(parts.registry).unwrap_or_default().trim_start_matches('/');
    let written = name.get(parts.written_registry..).unwrap_or_default();
    if written.is_empty() || written.starts_with(':') {
        return Some("it has no name".to_owned());
    }
    if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Some("capital letters can't stand in the name".to_owned());
    }
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/');
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphanumeric())
            && part.ends_with(|last: char| last.is_ascii_alphanumeric())
    };
    (!path.bytes().all(known) || !path.split('/').all(is_part)).then(|| format!("`{path}` is no name of an image"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_completed() {
        let full = |text| Name::of(text).full;
        assert_eq!(full("nginx"), "docker.io/library/nginx");
        assert_eq!(full("calico/node:v3.24.1"), "docker.io/calico/node");
        assert_eq!(full("index.docker.io/calico/node"), "docker.io/calico/node");
        assert_eq!(full("registry.example:5000/a/b:1@sha256:00"), "registry.example:5000/a/b");
        assert_eq!(full("localhost/a"), "localhost/a");
        let name = Name::of("registry.example:5000/a/b:1@sha256:00");
        assert_eq!((name.tag, name.has_digest, name.written_registry), (Some("1"), true, 22));
        assert_eq!(Name::of("registry.example:5000/a").tag, None);
    }

    #[test]
    fn only_what_no_runtime_takes_is_a_fault() {
        let hash = "0".repeat(64);
        let digest = format!("app@sha256:{hash}");
        for good in
            ["nginx", "nginx:1", "a/b_c/d--e:v1.0_x", "registry.example:5000/a", "REGISTRY/a:1", "a.b/c", &digest]
        {
            assert_eq!(fault(good), None, "{good}");
        }
        for bad in [
            "https://ghcr.io/a/b:1",
            "a/B:1",
            "app:",
            "app:1:2",
            "app: 1",
            "app:<nil>",
            "app@sha256:12",
            ":1",
            "a//b",
            "a/-b",
        ] {
            assert!(fault(bad).is_some(), "{bad}");
        }
    }
}
