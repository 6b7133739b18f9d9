//! Which apps may run in one cluster.
//!
//! Argo CD and Flux call the cluster that they run in their own, so a repository for several clusters says only by its
//! directories which of them is meant. That there are several shows where one thing is declared twice: two Kustomizations
//! `flux-system/apps`, or two Applications `argocd/storage`, can't be in one cluster. The directories in which the paths
//! of the two part are then taken for clusters, by their name, for everything that is declared in them. Left out: two
//! declarations in one directory, or that one parent brings.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::Discriminant;

use foldhash::{HashMap, HashMapExt};

use super::BuiltApp;
use crate::files::Files;
use crate::gitops::{Declared, Inventory, SourceKind, Standing, is_declaration};
use crate::source::{FileId, RepoPath};

/// A cluster, as far as the repository tells clusters apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cluster(String);

impl Cluster {
    /// The cluster an app is deployed to. Roots that nothing declares are taken for clusters of their own, since
    /// overlays of one base look like that.
    pub fn of(app: &BuiltApp) -> Self {
        match app.site.as_str() {
            "" => Self::named(app),
            site => Self(format!("site {site}")),
        }
    }

    /// Whether two apps are deployed to clusters that are surely two. A name and a server of Argo CD's may be one cluster;
    /// only Argo CD knows, so they are never compared. Nor are its destinations with those of Flux, nor roots that nothing
    /// declares.
    pub fn are_apart(one: &BuiltApp, other: &BuiltApp) -> bool {
        let (Some(here), Some(there)) = (Destination::of(one), Destination::of(other)) else { return false };
        match (here, there) {
            (Destination::Own, Destination::Own) => {
                let is_in = |site: &str| other.site.split(SITES_APART).any(|known| known == site);
                !one.site.is_empty() && !other.site.is_empty() && !one.site.split(SITES_APART).any(is_in)
            }
            (Destination::Named(one), Destination::Named(other))
            | (Destination::Server(one), Destination::Server(other))
            | (Destination::Remote(one), Destination::Remote(other)) => one != other,
            (Destination::Own, Destination::Named(_) | Destination::Server(_)) => is_of_argo(one),
            (Destination::Named(_) | Destination::Server(_), Destination::Own) => is_of_argo(other),
            _ => false,
        }
    }

    /// The cluster by what the app's own declaration says: clusters that call themselves their own are one.
    pub(super) fn named(app: &BuiltApp) -> Self {
        Self(match is_declared(app) {
            true => format!("cluster {}", if is_own(app) { "" } else { &app.app.destination.cluster }),
            false => format!("root {}", app.app.name),
        })
    }
}

fn is_declared(app: &BuiltApp) -> bool {
    matches!(
        app.app.declared,
        Declared::ArgoApplication(_) | Declared::FluxKustomization(_) | Declared::FluxHelmRelease(_)
    )
}

/// Whether an app is deployed to the cluster that its controller runs in. Argo CD knows it under two names.
fn is_own(app: &BuiltApp) -> bool {
    matches!(app.app.destination.cluster.as_str(), "" | "in-cluster" | "https://kubernetes.default.svc")
}

/// How a declaration names its cluster.
enum Destination<'a> {
    /// It is the one that the controller runs in.
    Own,
    /// By Argo CD's name.
    Named(&'a str),
    /// By the address of its API server.
    Server(&'a str),
    /// By Flux' secret with the access to it.
    Remote(&'a str),
}

impl<'a> Destination<'a> {
    /// `None` where nothing says, or only a template does.
    fn of(app: &'a BuiltApp) -> Option<Self> {
        let name = app.app.destination.cluster.as_str();
        match app.app.declared {
            Declared::FluxKustomization(_) | Declared::FluxHelmRelease(_) if name.is_empty() => Some(Self::Own),
            Declared::FluxKustomization(_) | Declared::FluxHelmRelease(_) => Some(Self::Remote(name)),
            Declared::ArgoApplication(_) if name.is_empty() || name.contains(['{', '$', '*']) => None,
            Declared::ArgoApplication(_) if is_own(app) => Some(Self::Own),
            Declared::ArgoApplication(_) if name.contains("://") => Some(Self::Server(name.trim_end_matches('/'))),
            Declared::ArgoApplication(_) => Some(Self::Named(name)),
            _ => None,
        }
    }
}

fn is_of_argo(app: &BuiltApp) -> bool {
    matches!(app.app.declared, Declared::ArgoApplication(_))
}

/// Stands between the names where an app is for several clusters.
const SITES_APART: &str = ", ";

/// A declaration is compared with this many others of its name; more of them are no clusters.
const MOST_TWINS: usize = 64;

/// More ancestors than this are not climbed to.
const MOST_ANCESTORS: usize = 64;

/// Tells apart the clusters that controllers call their own; see [`BuiltApp::site`].
pub(super) fn tell_apart(apps: &mut [BuiltApp], files: &Files, inventory: &Inventory) {
    let family = Family::of(apps, inventory);
    let tops: Vec<BTreeSet<usize>> = (0..apps.len()).map(|app| family.tops(app)).collect();
    let place = |top: usize| apps.get(top).and_then(|app| place_of(app, files));
    let mut twins: BTreeMap<Identity<'_>, Vec<usize>> = BTreeMap::new();
    for (at, app) in apps.iter().enumerate().filter(|(_, app)| is_declared(app) && is_own(app)) {
        if app.app.standing != Standing::Deployed {
            continue;
        }
        let namespace = family.namespaces.get(at).map(String::as_str).unwrap_or_default();
        twins.entry((kind(app), namespace, &app.app.name)).or_default().push(at);
    }
    // Directories that are clusters, with the cluster's name.
    let mut sites: BTreeMap<String, String> = BTreeMap::new();
    let pairs = twins.values().flat_map(|apps| {
        let apps = apps.get(..MOST_TWINS.min(apps.len())).unwrap_or_default();
        apps.iter().enumerate().flat_map(move |(at, one)| apps.iter().skip(at + 1).map(move |other| (one, other)))
    });
    for (one, other) in pairs {
        let (Some(tops_of_one), Some(tops_of_other)) = (tops.get(*one), tops.get(*other)) else { continue };
        if !tops_of_one.is_disjoint(tops_of_other) {
            continue;
        }
        let first = |tops: &BTreeSet<usize>| tops.first().and_then(|top| place(*top));
        let (Some(here), Some(there)) = (first(tops_of_one), first(tops_of_other)) else { continue };
        sites.extend(parted(&here, &there));
    }
    if sites.is_empty() {
        return;
    }
    let site = |top: &usize| place(*top).and_then(|place| site_of(&place, &sites));
    let found: Vec<String> = tops
        .iter()
        .map(|tops| {
            let names: BTreeSet<&str> = tops.iter().filter_map(site).collect();
            names.into_iter().collect::<Vec<_>>().join(SITES_APART)
        })
        .collect();
    for (app, site) in apps.iter_mut().zip(found) {
        if is_declared(app) && is_own(app) {
            app.site = site;
        }
    }
}

/// What may be in a cluster once only: the kind of declaration, its namespace and its name.
type Identity<'a> = (&'static str, &'a str, &'a str);

fn kind(app: &BuiltApp) -> &'static str {
    match app.app.declared {
        Declared::ArgoApplication(_) => "Application",
        Declared::FluxKustomization(_) => "Kustomization",
        _ => "HelmRelease",
    }
}

/// The directory in which an app is declared, or is.
fn place_of(app: &BuiltApp, files: &Files) -> Option<RepoPath> {
    match app.app.declared.span() {
        Some(span) => files.sources.file(span.file).path.parent(),
        None => app.app.sources.iter().find_map(|source| match &source.kind {
            SourceKind::Kustomize { directory, .. } => Some(directory.clone()),
            _ => None,
        }),
    }
}

/// The directories in which two paths part, each with its name. A path that ends before the other is in none.
fn parted(one: &RepoPath, other: &RepoPath) -> Vec<(String, String)> {
    let (ones, others): (Vec<&str>, Vec<&str>) = (segments(one), segments(other));
    let common = ones.iter().zip(&others).take_while(|(one, other)| one == other).count();
    let directory = |segments: &[&str]| {
        let name = segments.get(common)?;
        Some((segments.get(..=common)?.join("/"), (*name).to_owned()))
    };
    directory(&ones).into_iter().chain(directory(&others)).collect()
}

fn segments(path: &RepoPath) -> Vec<&str> {
    path.as_str().split('/').filter(|segment| !matches!(*segment, "" | ".")).collect()
}

/// The cluster whose directory holds a path, by the deepest one.
fn site_of<'s>(place: &RepoPath, sites: &'s BTreeMap<String, String>) -> Option<&'s str> {
    let segments = segments(place);
    (1..=segments.len()).rev().find_map(|length| sites.get(&segments.get(..length)?.join("/")).map(String::as_str))
}

/// Which app brings the declaration of which.
struct Family {
    parents: Vec<Vec<usize>>,
    /// The namespace in which each app is declared.
    namespaces: Vec<String>,
}

/// A declaration among an app's objects: the place of its name, who brings it, and its namespace there.
type Held<'a> = (usize, &'a str);

impl Family {
    fn of(apps: &[BuiltApp], inventory: &Inventory) -> Self {
        let mut held: HashMap<(FileId, u32), Vec<Held<'_>>> = HashMap::new();
        for (at, app) in apps.iter().enumerate() {
            for object in app.objects.iter().filter(|object| is_declaration(&object.id)) {
                let span = object.name_span();
                let own = object.id.namespace.as_str();
                let namespace = if own.is_empty() { app.app.destination.namespace.as_str() } else { own };
                let holders = held.entry((span.file, span.start)).or_insert_with(|| Vec::with_capacity(1));
                if holders.last().is_none_or(|(last, _)| *last != at) {
                    holders.push((at, namespace));
                }
            }
        }
        let written: HashMap<(FileId, u32), &str> = inventory
            .declarations
            .iter()
            .map(|object| ((object.name_span().file, object.name_span().start), object.id.namespace.as_str()))
            .collect();
        // Apps of one declaration: where each of several parents gives it another form, there is one for each of them.
        let mut forms: HashMap<(FileId, u32, Discriminant<Declared>), Vec<usize>> = HashMap::new();
        for (at, app) in apps.iter().enumerate() {
            let Some(span) = app.app.declared.span() else { continue };
            let key = (span.file, span.start, std::mem::discriminant(&app.app.declared));
            forms.entry(key).or_insert_with(|| Vec::with_capacity(1)).push(at);
        }
        let mut parents = vec![Vec::new(); apps.len()];
        let mut namespaces = vec![String::new(); apps.len()];
        for ((file, start, _), forms) in &forms {
            let holders = held.get(&(*file, *start)).map(Vec::as_slice).unwrap_or_default();
            for (position, app) in forms.iter().enumerate() {
                let own = match holders.get(position..=position) {
                    Some(own) if holders.len() == forms.len() => own,
                    _ => holders,
                };
                let is_parent = |at: &&Held<'_>| at.0 != *app && apps.get(at.0).is_some_and(may_be_parent);
                let namespace = own.first().map(|(_, namespace)| *namespace);
                let namespace = namespace.or_else(|| written.get(&(*file, *start)).copied()).unwrap_or_default();
                if let (Some(parents), Some(place)) = (parents.get_mut(*app), namespaces.get_mut(*app)) {
                    *parents = own.iter().filter(is_parent).map(|(at, _)| *at).collect();
                    namespace.clone_into(place);
                }
            }
        }
        Self { parents, namespaces }
    }

    /// The apps at the upper end of all that lead to an app; itself, if nothing brings it.
    fn tops(&self, app: usize) -> BTreeSet<usize> {
        let (mut seen, mut tops, mut left) = (BTreeSet::from([app]), BTreeSet::new(), vec![app]);
        while let Some(at) = left.pop() {
            let parents = self.parents.get(at).map(Vec::as_slice).unwrap_or_default();
            if parents.is_empty() {
                tops.insert(at);
            }
            left.extend(parents.iter().filter(|parent| seen.len() < MOST_ANCESTORS && seen.insert(**parent)));
        }
        if tops.is_empty() { BTreeSet::from([app]) } else { tops }
    }
}

/// Whether what an app brings is deployed together: a directory of manifests that nothing declares may hold the
/// declarations of all clusters.
fn may_be_parent(app: &BuiltApp) -> bool {
    is_declared(app) || app.app.declared == Declared::Kustomization
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_part_at_directories() {
        let path = |text: &str| RepoPath::new(text).unwrap();
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(path, name)| ((*path).to_owned(), (*name).to_owned())).collect()
        };
        let parted_at = |one: &str, other: &str| parted(&path(one), &path(other));
        assert_eq!(
            parted_at("clusters/home/flux-system", "clusters/office"),
            owned(&[("clusters/home", "home"), ("clusters/office", "office")])
        );
        assert_eq!(parted_at("apps", "apps/office"), owned(&[("apps/office", "office")]));
        assert_eq!(parted_at("apps", "apps"), []);
        let sites = BTreeMap::from([("clusters/home".to_owned(), "home".to_owned())]);
        assert_eq!(site_of(&path("clusters/home/infra"), &sites), Some("home"));
        assert_eq!(site_of(&path("clusters"), &sites), None);
    }
}
