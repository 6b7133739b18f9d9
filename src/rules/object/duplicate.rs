//! See `rules/object/object-duplicate.md`.

use std::collections::BTreeMap;
use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;
use foldhash::{HashMap, HashMapExt};

use crate::gitops::{Declared, SourceKind};
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Cluster, Repository};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

/// Group, kind, namespace and name within a cluster.
type Identity<'a> = (&'a Cluster, &'a str, &'a str, &'a str, &'a str);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    // Hardly any object has two owners, so the first look remembers no more than a digest of each.
    let hasher = FixedState::default();
    let mut several: HashMap<u64, bool> = HashMap::new();
    each_object(repository, &mut |identity, _, _| {
        several.entry(hasher.hash_one(identity)).and_modify(|again| *again = true).or_insert(false);
    });
    let mut owners: HashMap<u64, Vec<(usize, &'a Object)>> = HashMap::new();
    each_object(repository, &mut |identity, at, object| {
        let digest = hasher.hash_one(identity);
        if several.get(&digest) == Some(&true) {
            owners.entry(digest).or_default().push((at, object));
        }
    });
    // How many objects each two apps have in common.
    let mut shared: BTreeMap<(usize, usize), Vec<(&Object, &Object)>> = BTreeMap::new();
    for holders in owners.values().filter(|holders| holders.len() > 1) {
        // More than a few holders mean that everybody brings it, such as a common component.
        for (i, (first, one)) in holders.iter().enumerate().take(4) {
            for (second, other) in holders.iter().take(4).skip(i + 1) {
                shared.entry((*first, *second)).or_default().push((one, other));
            }
        }
    }
    for ((first, second), mut objects) in shared {
        let (Some(one), Some(other)) = (repository.apps.get(first), repository.apps.get(second)) else { continue };
        let same_app = first == second;
        // Apps that share most of what they have are one app for several clusters, whatever their destinations say; but not
        // where one file declares both.
        let variants = objects.len() * 2 > one.objects.len().min(other.objects.len()) && !are_neighbours(one, other);
        if !same_app && (one.app.name == other.app.name || variants) {
            continue;
        }
        objects.sort_by_key(|(object, _)| object.name_span());
        for (earlier, later) in objects {
            // Within one app, a place that is read twice is the same object.
            if same_app && earlier.name_span() == later.name_span() {
                continue;
            }
            if same_app {
                findings.about(Some(other), Some(later));
                let message = format!("{} stands twice in this app: the later one silently wins", later.id);
                findings.report(later.name_span(), message).related(earlier.name_span(), "the other one");
            } else {
                tell(one, earlier, other, later, findings);
            }
        }
    }
}

/// Every object that is judged, with what it is and the position of its app.
fn each_object<'a>(repository: &'a Repository, take: &mut dyn FnMut(Identity<'_>, usize, &'a Object)) {
    for (at, app) in repository.apps.iter().enumerate().filter(|(_, app)| is_judged(app)) {
        let cluster = Cluster::of(app);
        for object in app.objects.iter().filter(|object| !object.id.name.is_empty()) {
            let id = &object.id;
            take((&cluster, &id.group, &id.kind, repository.home_of(app, object), &id.name), at, object);
        }
    }
}

/// Whether one file declares both apps for one place.
fn are_neighbours(one: &BuiltApp, other: &BuiltApp) -> bool {
    let file = |app: &BuiltApp| app.app.declared.span().map(|span| span.file);
    file(one) == file(other) && one.app.destination.namespace == other.app.destination.namespace
}

/// Both apps own the object, so either place may be the one to mend.
fn tell<'a>(
    one: &'a BuiltApp,
    earlier: &'a Object,
    other: &'a BuiltApp,
    later: &'a Object,
    findings: &mut Findings<'a>,
) {
    // The app whose name or namespace the object has is the rightful one.
    let at_home = |app: &BuiltApp, object: &Object| {
        app.app.name.contains(&*object.id.name) || object.id.name.contains(app.app.name.as_str())
    };
    let (guest, stray, host, own) = match at_home(other, later) && !at_home(one, earlier) {
        true => (one, earlier, other, later),
        false => (other, later, one, earlier),
    };
    findings.about(Some(guest), Some(stray));
    let message = format!(
        "{} belongs to two apps, `{}` and `{}`: each sync overwrites the other's, and whichever prunes it takes it away",
        stray.id, guest.app.name, host.app.name
    );
    let finding = findings.report(stray.name_span(), message);
    finding.label(format!("brought by `{}`", guest.app.name)).help("leave it to one of them");
    if own.name_span() != stray.name_span() {
        finding.related(own.name_span(), format!("brought by `{}`", host.app.name));
    }
}

/// Whether it is known where the app's objects go, and that they are all the controller's own. Kustomize itself refuses
/// two of a kind, and Flux's Kustomizations of several clusters can't be told apart.
fn is_judged(app: &BuiltApp) -> bool {
    let cluster = &app.app.destination.cluster;
    let is_argo = matches!(app.app.declared, Declared::ArgoApplication(_));
    let templated = cluster.contains(['{', '*', '$']);
    let sources = || app.app.sources.iter();
    is_argo
        && !cluster.is_empty()
        && !templated
        && !sources().any(|source| matches!(source.kind, SourceKind::Unresolved))
}
