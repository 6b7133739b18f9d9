//! Which files speak of one cluster, as far as their places tell: `clusters/a/kubeadm.yaml` says nothing about
//! `clusters/b/etc/kubernetes/manifests`.
//!
//! A place names its cluster by a directory below one that collects clusters (`clusters/a`, `inventories/prod`) or by a
//! directory named as environments are (`staging`). Where one of two places names none, they belong together if one lies
//! in the other's directory. Left out: what an app's destination says.

use crate::source::RepoPath;

/// Directories that hold one directory per cluster.
const COLLECTIONS: [&str; 6] = ["clusters", "inventories", "environments", "envs", "sites", "stages"];

/// Directories below those that are of no one cluster.
const SHARED: [&str; 7] = ["base", "bases", "common", "shared", "default", "group_vars", "host_vars"];

/// Names of environments, each of which has a cluster of its own.
const ENVIRONMENTS: [&str; 11] =
    ["prod", "production", "preprod", "staging", "stage", "dev", "development", "qa", "uat", "integration", "sandbox"];

/// Directories that say what for a program of the cluster its files are, not of which cluster.
const PROGRAMS: [&str; 16] = [
    "etc",
    "kubernetes",
    "k8s",
    "manifests",
    "static-pods",
    "kubeadm",
    "kubelet",
    "talos",
    "ansible",
    "group_vars",
    "host_vars",
    "all",
    "files",
    "templates",
    "config",
    "configs",
];

/// Whether two files speak of one cluster; the greater, the surer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Belonging {
    /// Of different ones.
    Other,
    /// Nothing says so, and nothing speaks against it.
    Unknown,
    /// Of the same.
    Same {
        /// Whether both name it.
        named: bool,
        /// How many directories they have in common.
        common: usize,
    },
}

impl Belonging {
    /// Compares the places of two files.
    pub fn of(one: &RepoPath, other: &RepoPath) -> Self {
        let (first, second) = (Place::of(one), Place::of(other));
        let common = first.home.iter().zip(&second.home).take_while(|(one, other)| one == other).count();
        let (short, long) = if first.names.len() <= second.names.len() { (&first, &second) } else { (&second, &first) };
        if !short.names.is_empty() {
            let all = short.names.iter().all(|name| long.names.contains(name));
            return if all { Self::Same { named: true, common } } else { Self::Other };
        }
        if common == first.home.len().min(second.home.len()) {
            return Self::Same { named: false, common };
        }
        Self::Unknown
    }
}

/// What a file's place says.
struct Place<'a> {
    /// The names of the cluster.
    names: Vec<&'a str>,
    /// The directory, without what only says which program's file it is.
    home: Vec<&'a str>,
}

impl<'a> Place<'a> {
    fn of(path: &'a RepoPath) -> Self {
        let mut home: Vec<&str> = path.as_str().split('/').collect();
        home.pop();
        let below = |at: usize| at.checked_sub(1).and_then(|before| home.get(before));
        let is_name = |at: usize, part: &str| {
            ENVIRONMENTS.contains(&part)
                || below(at).is_some_and(|before| COLLECTIONS.contains(before)) && !SHARED.contains(&part)
        };
        let names = home.iter().enumerate().filter(|(at, part)| is_name(*at, part)).map(|(_, part)| *part).collect();
        while home.last().is_some_and(|last| PROGRAMS.contains(last)) {
            home.pop();
        }
        Self { names, home }
    }
}

/// What is said of the cluster that a file is of, by the statements that are surest to be of the same; `None` if nothing
/// is, or if they contradict each other.
pub fn nearest<T: PartialEq>(file: &RepoPath, said: impl IntoIterator<Item = (RepoPath, T)>) -> Option<T> {
    let ranked: Vec<(Belonging, T)> =
        said.into_iter().map(|(place, what)| (Belonging::of(file, &place), what)).collect();
    let surest = ranked.iter().map(|(belonging, _)| *belonging).max().filter(|surest| *surest != Belonging::Other)?;
    let mut nearest = ranked.into_iter().filter(|(belonging, _)| *belonging == surest).map(|(_, what)| what);
    let first = nearest.next()?;
    nearest.all(|other| other == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RepoPath {
        RepoPath::new(text).expect("a path")
    }

    #[test]
    fn places_tell_clusters_apart() {
        let of = |one: &str, other: &str| Belonging::of(&path(one), &path(other));
        let same = |named, common| Belonging::Same { named, common };
        assert_eq!(of("clusters/a/kubeadm.yaml", "clusters/b/etc/kubernetes/manifests/x.yaml"), Belonging::Other);
        assert_eq!(of("clusters/a/kubeadm.yaml", "clusters/a/etc/kubernetes/manifests/x.yaml"), same(true, 2));
        assert_eq!(of("inventories/prod/group_vars/all.yml", "prod/etc/kubernetes/manifests/x.yaml"), same(true, 0));
        assert_eq!(
            of("inventories/staging/group_vars/all.yml", "prod/etc/kubernetes/manifests/x.yaml"),
            Belonging::Other
        );
        assert_eq!(of("kubeadm/c.yaml", "nodes/one/etc/kubernetes/manifests/x.yaml"), same(false, 0));
        assert_eq!(of("one/kubeadm.yaml", "two/etc/kubernetes/manifests/x.yaml"), Belonging::Unknown);
        assert_eq!(of("clusters/a/x.yaml", "apps/web.yaml"), Belonging::Unknown);
        assert_eq!(of("clusters/base/x.yaml", "clusters/a/web.yaml"), Belonging::Unknown);
    }

    #[test]
    fn the_nearest_statement_counts_and_contradictions_do_not() {
        let nearest = |file: &str, said: &[(&str, u8)]| {
            super::nearest(&path(file), said.iter().map(|(place, what)| (path(place), *what)))
        };
        let two = [("clusters/a/kubeadm.yaml", 1), ("clusters/b/kubeadm.yaml", 2)];
        assert_eq!(nearest("clusters/b/apps/web.yaml", &two), Some(2));
        assert_eq!(nearest("apps/web.yaml", &two), None);
        assert_eq!(nearest("clusters/c/web.yaml", &two), None);
        assert_eq!(nearest("apps/web.yaml", &two[..1]), Some(1));
    }
}
