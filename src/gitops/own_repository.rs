//! Which repository URL is this one: the question behind every path an Application names.

use std::collections::BTreeMap;

/// What speaks for a URL: paths named under it that exist here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Votes {
    /// Paths that exist as they are written.
    pub paths: usize,
    /// Paths that exist beside the file that names them, as somebody writes who takes them for relative.
    pub beside: usize,
}

impl std::ops::AddAssign for Votes {
    fn add_assign(&mut self, other: Self) {
        self.paths += other.paths;
        self.beside += other.beside;
    }
}

/// The URLs under which the declarations speak of this repository.
#[derive(Clone, Debug, Default)]
pub struct OwnRepository {
    own: Vec<String>,
}

impl OwnRepository {
    /// `remotes` are the URLs of the git remotes; `votes` counts, for each URL that declarations name, how many of the
    /// paths they name under it exist here. A remote decides if any declaration names it, else the most votes do: a
    /// fork's Applications still speak of where it came from.
    pub fn decide(remotes: &[String], votes: &BTreeMap<String, Votes>) -> Self {
        let own: Vec<String> = remotes.iter().map(|url| place(url)).collect();
        if votes.is_empty() || votes.keys().any(|url| own.contains(&place(url))) {
            return Self { own };
        }
        let mut by_place: BTreeMap<String, Votes> = BTreeMap::new();
        for (url, count) in votes {
            *by_place.entry(place(url)).or_default() += *count;
        }
        // The first of equals in alphabetical order, so that equal repositories give equal answers.
        let best =
            by_place.iter().filter(|(_, votes)| **votes > Votes::default()).rev().max_by_key(|(_, votes)| **votes);
        Self { own: best.map(|(url, _)| url.clone()).into_iter().collect() }
    }

    /// Whether it is known under which URL this repository is meant.
    pub fn is_known(&self) -> bool {
        !self.own.is_empty()
    }

    /// Whether `url` may name this repository: it does, or nothing is known.
    pub(super) fn may_be_own(&self, url: &str) -> bool {
        url.is_empty() || self.own.is_empty() || self.is_own(url)
    }

    /// Whether `url` names this repository.
    pub fn is_own(&self, url: &str) -> bool {
        let place = place(url);
        self.own.contains(&place)
    }
}

/// Host and path of a repository URL: lower case, without scheme, user, `.git` and trailing slash. Argo CD keeps ssh and
/// https apart when it matches projects; to the question whose files these are they are one.
fn place(url: &str) -> String {
    let url = url.trim().to_lowercase();
    let without_scheme = url.split_once("://").map(|(_, rest)| rest);
    // `git@host:path` has a colon where a URL has a slash.
    let rest = match without_scheme {
        Some(rest) => rest.to_owned(),
        None => url.replacen(':', "/", 1),
    };
    let rest = rest.split_once('@').filter(|(user, _)| !user.contains('/')).map_or(rest.as_str(), |(_, rest)| rest);
    rest.trim_end_matches('/').trim_end_matches(".git").trim_end_matches('/').to_owned()
}

/// The URLs of the remotes in the text of a `.git/config`.
pub(super) fn remotes(config: &str) -> Vec<String> {
    let mut in_remote = false;
    let mut urls = Vec::new();
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            in_remote = line.starts_with("[remote ");
        } else if let (true, Some((key, value))) = (in_remote, line.split_once('='))
            && key.trim() == "url"
        {
            urls.push(value.trim().to_owned());
        }
    }
    urls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_one_place_are_equal() {
        for url in [
            "https://github.com/Org/Repo.git",
            "git@github.com:org/repo.git",
            "ssh://git@github.com/org/repo",
            "https://token@github.com/org/repo/",
        ] {
            assert_eq!(place(url), "github.com/org/repo", "{url}");
        }
    }

    #[test]
    fn a_named_remote_decides_and_else_the_paths_do() {
        let config = "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = git@github.com:me/fork.git\n";
        let paths = |paths| Votes { paths, beside: 0 };
        let votes = BTreeMap::from([
            ("https://github.com/org/repo".to_owned(), paths(3)),
            ("https://x/y".to_owned(), paths(1)),
        ]);
        let own = OwnRepository::decide(&remotes(config), &votes);
        assert!(own.is_own("https://github.com/org/repo.git") && !own.is_own("https://x/y"));
        let own = OwnRepository::decide(&["https://x/y".to_owned()], &votes);
        assert!(own.is_own("https://x/y") && !own.is_own("https://github.com/org/repo"));
        let beside = Votes { paths: 0, beside: 9 };
        let votes =
            |first| BTreeMap::from([("https://x/a".to_owned(), beside), ("https://x/b".to_owned(), paths(first))]);
        assert!(OwnRepository::decide(&[], &votes(0)).is_own("https://x/a"));
        assert!(OwnRepository::decide(&[], &votes(1)).is_own("https://x/b"));
    }
}
