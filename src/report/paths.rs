//! Paths as the reader writes them: relative to where the reader stands.

use std::path::Path;

use crate::source::RepoPath;

/// Turns the repository's paths into the reader's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Paths(Standing);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Standing {
    /// The reader stands in this directory of the repository.
    Inside(RepoPath),
    /// The reader stands elsewhere; this leads to the root.
    Outside(String),
}

impl Paths {
    /// Paths of the repository at `root` for a reader who stands in `directory`; both must be canonical.
    pub fn new(root: &Path, directory: &Path) -> Self {
        if let Some(inside) = directory.strip_prefix(root).ok().and_then(Path::to_str).and_then(RepoPath::new) {
            return Self(Standing::Inside(inside));
        }
        Self(Standing::Outside(root.strip_prefix(directory).unwrap_or(root).display().to_string()))
    }

    /// The path for the reader.
    pub fn display(&self, path: &RepoPath) -> String {
        match &self.0 {
            Standing::Inside(directory) => path.relative_to(directory),
            Standing::Outside(root) => format!("{root}/{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_where_the_reader_stands() {
        let show = |root: &str, standing: &str| {
            let path = RepoPath::new("apps/web.yaml").expect("a path inside");
            Paths::new(Path::new(root), Path::new(standing)).display(&path)
        };
        assert_eq!(show("/repo", "/repo"), "apps/web.yaml");
        assert_eq!(show("/repo", "/repo/apps"), "web.yaml");
        assert_eq!(show("/repo", "/repo/clusters/a"), "../../apps/web.yaml");
        assert_eq!(show("/home/me/repo", "/home/me"), "repo/apps/web.yaml");
        assert_eq!(show("/home/me/repo", "/elsewhere"), "/home/me/repo/apps/web.yaml");
    }
}
