//! Which apps are for clusters that are surely two.
//!
//! Argo CD's destinations name a cluster by its server or by its name; whether a name and a server are one cluster only
//! Argo CD knows, so they are never compared. Flux runs in the cluster that it deploys to: there the directory tells, as in
//! `clusters/live` and `clusters/test`, if both declare the same thing, which in one cluster would be one too many.
//! Left out: roots that nothing declares, and what several clusters include from one directory.

use compact_str::CompactString;
use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use crate::gitops::Declared;
use crate::repository::{BuiltApp, Repository};

/// How a cluster is told.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Cluster {
    /// The one that the controller runs in.
    Own,
    Named(CompactString),
    Server(CompactString),
    /// By Flux' secret with the access to it.
    Remote(CompactString),
    /// By the directory of the declarations.
    Directory(CompactString),
}

/// The clusters of a repository's apps.
pub(super) struct Clusters {
    /// By the position of the app; `None` where nobody says.
    of: Vec<Option<Cluster>>,
    /// Directories that declare the same objects.
    doubled: HashSet<(CompactString, CompactString)>,
}

/// More directories than this that declare one name are not compared.
const MOST_DIRECTORIES: usize = 16;

impl Clusters {
    pub(super) fn of(repository: &Repository) -> Self {
        let of: Vec<Option<Cluster>> = repository.apps.iter().map(|app| cluster(app, repository)).collect();
        let mut declared: HashMap<(bool, &str, &str), Vec<&CompactString>> = HashMap::new();
        for (app, cluster) in repository.apps.iter().zip(&of) {
            let Some(Cluster::Directory(directory)) = cluster else { continue };
            let is_release = matches!(app.app.declared, Declared::FluxHelmRelease(_));
            let key = (is_release, app.app.destination.namespace.as_str(), app.app.name.as_str());
            let directories = declared.entry(key).or_default();
            if !directories.contains(&directory) && directories.len() < MOST_DIRECTORIES {
                directories.push(directory);
            }
        }
        let mut doubled = HashSet::new();
        for directories in declared.values() {
            for (at, one) in directories.iter().enumerate() {
                for other in directories.iter().skip(at + 1) {
                    doubled.insert(((*one).clone(), (*other).clone()));
                    doubled.insert(((*other).clone(), (*one).clone()));
                }
            }
        }
        Self { of, doubled }
    }

    /// Whether two apps are for two clusters.
    pub(super) fn apart(&self, one: usize, other: usize) -> bool {
        let cluster = |at: usize| self.of.get(at).and_then(Option::as_ref);
        let (Some(one), Some(other)) = (cluster(one), cluster(other)) else { return false };
        match (one, other) {
            (Cluster::Named(one), Cluster::Named(other))
            | (Cluster::Server(one), Cluster::Server(other))
            | (Cluster::Remote(one), Cluster::Remote(other)) => one != other,
            (Cluster::Own, Cluster::Named(_) | Cluster::Server(_))
            | (Cluster::Named(_) | Cluster::Server(_), Cluster::Own) => true,
            (Cluster::Directory(one), Cluster::Directory(other)) => {
                self.doubled.contains(&(one.clone(), other.clone()))
            }
            _ => false,
        }
    }
}

fn cluster(app: &BuiltApp, repository: &Repository) -> Option<Cluster> {
    let name = app.app.destination.cluster.as_str();
    match app.app.declared {
        Declared::ArgoApplication(_) => match name {
            "" => None,
            "in-cluster" | "https://kubernetes.default.svc" => Some(Cluster::Own),
            _ if name.contains(['{', '$', '*']) => None,
            _ if name.contains("://") => Some(Cluster::Server(name.trim_end_matches('/').into())),
            _ => Some(Cluster::Named(name.into())),
        },
        Declared::FluxKustomization(span) | Declared::FluxHelmRelease(span) => {
            if !name.is_empty() {
                return Some(Cluster::Remote(name.into()));
            }
            let path = &repository.files.sources.file(span.file).path;
            let text = path.as_str();
            let (before, after) =
                text.split_once("clusters/").filter(|(before, _)| before.is_empty() || before.ends_with('/'))?;
            let (directory, _) = after.split_once('/')?;
            text.get(..before.len() + "clusters/".len() + directory.len()).map(|path| Cluster::Directory(path.into()))
        }
        _ => None,
    }
}
