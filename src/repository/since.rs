//! What changed since an earlier state of the repository: which object of then is which of now.
//!
//! Objects are what they are in the cluster: group, kind, namespace and name. Which file or app makes them does not
//! matter, so a manifest that moved is no change. Two overlays of one base make objects of the same names for different
//! clusters; those are told apart by their app and its destination, and where that is not enough, nothing is compared.

use std::mem::Discriminant;
use std::sync::OnceLock;

use foldhash::{HashMap, HashMapExt, HashSet};

use super::{BuiltApp, Cluster, Repository};
use crate::gitops::Declared;
use crate::kubernetes::Object;
use crate::yaml::Node;

/// The earlier state.
pub struct Since {
    /// Everything as it was. Its places lie in its own files: a finding can't point there, only name them.
    pub repository: Repository,
    /// How the user names that state.
    pub revision: String,
    changes: OnceLock<Changes>,
}

/// An object and the app that brings it.
#[derive(Clone, Copy)]
pub struct Placed<'a> {
    /// The app.
    pub app: &'a BuiltApp,
    /// The object.
    pub object: &'a Object,
}

/// Positions of an app and of an object in it.
type Position = (usize, usize);

/// Which object of then is which of now.
#[derive(Default)]
struct Changes {
    kept: Vec<(Position, Position)>,
    gone: Vec<Position>,
}

impl Since {
    /// An earlier state, which the user calls `revision`.
    pub fn new(repository: Repository, revision: impl Into<String>) -> Self {
        Self { repository, revision: revision.into(), changes: OnceLock::new() }
    }

    /// The objects that were there and still are, as they were and as they are, in the order of then.
    pub fn kept<'a>(&'a self, now: &'a Repository) -> impl Iterator<Item = (Placed<'a>, Placed<'a>)> {
        let kept = self.changes(now).kept.iter();
        kept.filter_map(move |(then, after)| Some((placed(&self.repository, *then)?, placed(now, *after)?)))
    }

    /// The objects that nothing makes any more, as they were. What may be made by something that presync can't build is
    /// not among them.
    pub fn gone<'a>(&'a self, now: &'a Repository) -> impl Iterator<Item = Placed<'a>> {
        self.changes(now).gone.iter().filter_map(move |then| placed(&self.repository, *then))
    }

    /// The app of now that an app of then became.
    pub fn app_of_now<'a>(&self, then: &BuiltApp, now: &'a Repository) -> Option<&'a BuiltApp> {
        now.apps.iter().find(|app| is_same_app(then, app))
    }

    fn changes(&self, now: &Repository) -> &Changes {
        self.changes.get_or_init(|| Changes::between(&self.repository, now))
    }
}

fn placed(repository: &Repository, (app, object): Position) -> Option<Placed<'_>> {
    let app = repository.apps.get(app)?;
    Some(Placed { app, object: app.objects.get(object)? })
}

/// Group, kind, namespace and name.
type Identity<'a> = (&'a str, &'a str, &'a str, &'a str);

/// Every object that is applied under a name and stays, by what it is in a cluster.
fn objects(repository: &Repository) -> impl Iterator<Item = (Identity<'_>, Position)> {
    let apps = repository.apps.iter().enumerate().filter(|(_, app)| !repository.is_unlisted(app));
    apps.flat_map(move |(at, app)| {
        let objects = app.objects.iter().enumerate().filter(|(_, object)| stays(object));
        objects.map(move |(object_at, object)| {
            let id = &object.id;
            ((&*id.group, &*id.kind, repository.home_of(app, object), &*id.name), (at, object_at))
        })
    })
}

/// Whether the object lives under the name it has here. Hooks are made anew with each sync.
fn stays(object: &Object) -> bool {
    let name = &object.id.name;
    let annotations = object.root.at(&["metadata", "annotations"]);
    let is_hook = ["argocd.argoproj.io/hook", "helm.sh/hook"]
        .iter()
        .any(|hook| annotations.is_some_and(|annotations| annotations.get(hook).is_some()));
    let is_settled = name.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'$' | b'{' | b'<'));
    let is_known = object.root.at(&["metadata", "name"]).is_some_and(|name| !name.is_unknown());
    !name.is_empty() && is_settled && is_known && !is_hook
}

impl Changes {
    fn between(then: &Repository, now: &Repository) -> Self {
        let mut left: HashMap<Identity<'_>, Vec<Position>> = HashMap::new();
        objects(now).for_each(|(identity, at)| left.entry(identity).or_default().push(at));
        let mut earlier: HashMap<Identity<'_>, usize> = HashMap::new();
        objects(then).for_each(|(identity, _)| *earlier.entry(identity).or_default() += 1);
        let opaque = Opaque::of(then, now);
        let mut changes = Self::default();
        for (identity, position) in objects(then) {
            let Some(app) = then.apps.get(position.0) else { continue };
            let candidates = left.get(&identity).map(Vec::as_slice).unwrap_or_default();
            let app_at = |at: &&Position| now.apps.get(at.0);
            let cluster = Cluster::named(app);
            let same = candidates.iter().find(|at| app_at(at).is_some_and(|other| is_same_app(app, other)));
            let near = || candidates.iter().find(|at| app_at(at).is_some_and(|other| Cluster::named(other) == cluster));
            let is_only = candidates.len() == 1 && earlier.get(&identity) == Some(&1);
            let only =
                || candidates.first().filter(|at| is_only && app_at(at).is_some_and(|other| is_open(app, other)));
            match same.or_else(near).or_else(only) {
                Some(at) => changes.kept.push((position, *at)),
                None if candidates.iter().any(|at| app_at(&at).is_some_and(|other| is_open(app, other))) => {}
                None if opaque.may_make(app, identity) => {}
                None => changes.gone.push(position),
            }
        }
        changes
    }
}

fn is_same_app(one: &BuiltApp, other: &BuiltApp) -> bool {
    identified(one) == identified(other)
}

/// Whether it is not known that two apps run in different clusters: nobody says where one of them is deployed.
fn is_open(one: &BuiltApp, other: &BuiltApp) -> bool {
    one.app.declared.span().is_none() || other.app.declared.span().is_none()
}

/// Apps of now that may bring objects which are not seen in them.
struct Opaque<'a> {
    /// All of them.
    all: HashSet<Identified<'a>>,
    /// The namespaces of those that hide more than they did; empty for one that is not known.
    more: Vec<&'a str>,
}

/// What tells apps apart.
type Identified<'a> = (&'a str, Discriminant<Declared>, Cluster);

fn identified(app: &BuiltApp) -> Identified<'_> {
    (&app.app.name, std::mem::discriminant(&app.app.declared), Cluster::named(app))
}

/// Whether two states of an app hide the same: charts with the same values, and what could not be resolved.
fn hide_the_same(one: &BuiltApp, other: &BuiltApp) -> bool {
    let releases = one.releases.iter().zip(&other.releases);
    let reasons =
        |app: &'_ BuiltApp| app.unresolved.iter().map(|unresolved| unresolved.reason.clone()).collect::<Vec<_>>();
    one.releases.len() == other.releases.len()
        && releases.into_iter().all(|(a, b)| a.chart == b.chart && a.values.same_value(&b.values))
        && reasons(one) == reasons(other)
        && one.problems.len() == other.problems.len()
}

impl<'a> Opaque<'a> {
    fn of(then: &Repository, now: &'a Repository) -> Self {
        // A chart is not rendered, so it may make anything.
        let hides = |app: &&BuiltApp| !app.is_complete() || !app.releases.is_empty();
        let earlier: HashMap<Identified<'_>, &BuiltApp> =
            then.apps.iter().filter(hides).map(|app| (identified(app), app)).collect();
        let hiding = || now.apps.iter().filter(hides);
        let newly =
            hiding().filter(|app| earlier.get(&identified(app)).is_none_or(|before| !hide_the_same(before, app)));
        let more = newly.map(|app| app.app.destination.namespace.as_str());
        Self { all: hiding().map(identified).collect(), more: more.collect() }
    }

    /// Whether an object of an app may still be made though it is not seen.
    fn may_make(&self, owner: &BuiltApp, (_, _, namespace, _): Identity<'_>) -> bool {
        let could_be_there = |own: &str| own.is_empty() || namespace.is_empty() || own == namespace;
        self.more.iter().any(|own| could_be_there(own)) || self.all.contains(&identified(owner))
    }
}

impl Placed<'_> {
    /// The value of one of the object's annotations.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.object.root.at(&["metadata", "annotations"])?.get(name).and_then(Node::as_text)
    }

    /// Whether an option of Argo CD, such as `Force=true`, holds for the object: by its annotation, or that of its app.
    pub fn has_sync_option(&self, option: &str) -> bool {
        let own = self.annotation("argocd.argoproj.io/sync-options").unwrap_or_default();
        let of_app = self.app.app.application.as_ref().is_some_and(|application| application.has_sync_option(option));
        own.split(',').any(|written| written.trim() == option) || of_app
    }
}
