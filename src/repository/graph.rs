//! Which references between objects lead nowhere.
//!
//! Everything that objects and chart values name is looked up among everything that is built, that controllers make of
//! it, and that is known to be there anyway. Whether a miss is a mistake depends on how much of the namespace can be
//! seen: [`Fault::Missing`] says whether nothing else could bring the object (`closed`), and what is near.
//!
//! Two names are never compared across kinds of doubt: an object without a namespace in an app without a destination
//! could be anywhere, so it answers every question for its name. What exists for one cluster counts for all, but for apps
//! whose declarations say that they are for two.

pub(crate) mod chart_classes;
mod closed;
mod in_values;
mod index;
mod near;
mod variants;

use compact_str::CompactString;
use foldhash::HashSet;

use self::closed::World;
use self::index::{Answer, Index};
pub use self::near::{Near, Nearness};
use self::variants::Variants;
use super::{BuiltApp, Cluster, Repository};
use crate::kubernetes::{Definitions, Object, is_cluster_scoped};
use crate::references::{self, Part, Place, Reference, Role};
use crate::source::Span;
use crate::yaml::Node;

/// A reference that leads nowhere.
#[derive(Clone, Debug)]
pub struct Broken {
    /// Position of the app in [`Repository::apps`].
    pub app: usize,
    /// Who of the app makes the reference.
    pub by: By,
    /// API group of what is named.
    pub group: CompactString,
    /// Kind of what is named.
    pub kind: CompactString,
    /// Namespace in which it is looked for; empty if that is not known or the kind has none.
    pub namespace: CompactString,
    /// Its name.
    pub name: CompactString,
    /// Where the name, or that of its part, is written.
    pub span: Span,
    /// What it is used for.
    pub role: Role,
    /// What is wrong.
    pub fault: Fault,
}

/// Who makes a reference: an object, or the values of a release; the number is its position in the app.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum By {
    /// One of [`BuiltApp::objects`].
    Object(usize),
    /// One of [`BuiltApp::releases`].
    Release(usize),
}

/// What is wrong with a reference.
#[derive(Clone, Debug)]
pub enum Fault {
    /// There is no such object.
    Missing {
        /// Whether everything that could bring it is in sight.
        closed: bool,
        /// What was probably meant.
        near: Option<Near>,
    },
    /// The object is there, but not this part of it.
    PartMissing {
        /// The part as it is named.
        part: CompactString,
        /// What kind of part.
        what: &'static str,
        /// Where the object is written.
        definition: Span,
        /// The parts that it has, with their places.
        has: Vec<(CompactString, Span)>,
    },
}

/// The namespace an object ends up in; empty if it is not known or the kind has none.
pub(super) fn home<'a>(app: &'a BuiltApp, object: &'a Object, definitions: &Definitions) -> &'a str {
    let id = &object.id;
    let defined = definitions.get(&id.group, &id.kind).and_then(|definition| definition.namespaced);
    let namespaced = defined.unwrap_or_else(|| !is_cluster_scoped(&id.group, &id.kind));
    if namespaced { settled(app.namespace_of(object)) } else { "" }
}

/// Follows every reference of the repository. Linear in the objects but for the search for near names, which is bounded.
pub(super) fn broken(repository: &Repository) -> Vec<Broken> {
    // Nearly all that this needs is given back before the index is made.
    let variants = Variants::of(repository);
    // Which kinds are referred to is asked first: to keep every reference until then would cost more memory than to
    // read them twice costs time.
    let files = datasource_files(repository);
    // What only shows or tests something refers to whatever its reader has, and what nothing applies breaks nothing.
    let asked = || {
        let by_objects = repository.deployed().flat_map(|(at, app)| asked_by(at, app, repository));
        by_objects.chain(files.iter().flat_map(|file| asked_in(file, repository)))
    };
    let kinds: HashSet<_> = asked().map(|asked| (asked.reference.group, asked.reference.kind)).collect();
    let index = Index::new(repository, kinds.into_iter());
    let world = World::new(repository);
    let mut search = near::Search::new(repository, &index, &world);
    asked().filter_map(|asked| judge(asked, repository, &index, &world, &variants, &mut search)).collect()
}

/// Every reference that an app's objects and values make.
fn asked_by<'a>(at: usize, app: &'a BuiltApp, repository: &'a Repository) -> impl Iterator<Item = Asked<'a>> + use<'a> {
    let objects = app.objects.iter().enumerate().flat_map(move |(object_at, object)| {
        let namespace = home(app, object, &repository.definitions);
        let found = references::of(object).into_iter();
        found.map(move |reference| Asked { app: at, by: By::Object(object_at), namespace, reference })
    });
    let releases = app.releases.iter().enumerate().flat_map(move |(release_at, release)| {
        let own = if release.namespace.is_empty() { &app.app.destination.namespace } else { &release.namespace };
        let found = references::of_values(&release.values).into_iter();
        let namespace = settled(own);
        found.map(move |reference| Asked { app: at, by: By::Release(release_at), namespace, reference })
    });
    objects.chain(releases)
}

/// A datasource file of Grafana inside an object.
struct DatasourceFile {
    app: usize,
    object: usize,
    root: Node,
}

fn datasource_files(repository: &Repository) -> Vec<DatasourceFile> {
    let mut all = Vec::new();
    for (app_at, app) in repository.deployed() {
        for (object_at, object) in app.objects.iter().enumerate() {
            for text in references::datasource_files(object) {
                let first = repository.files.embedded(text).documents.into_iter().next();
                let root = first.and_then(|document| document.root);
                all.extend(root.map(|root| DatasourceFile { app: app_at, object: object_at, root }));
            }
        }
    }
    all
}

/// Every reference that a datasource file makes.
fn asked_in<'a>(file: &'a DatasourceFile, repository: &'a Repository) -> Vec<Asked<'a>> {
    let app = repository.apps.get(file.app);
    let Some((app, object)) = app.and_then(|app| Some((app, app.objects.get(file.object)?))) else { return Vec::new() };
    let namespace = home(app, object, &repository.definitions);
    let asked = |reference| Asked { app: file.app, by: By::Object(file.object), namespace, reference };
    references::of_datasources(&file.root).into_iter().map(asked).collect()
}

/// A reference and who makes it.
struct Asked<'a> {
    app: usize,
    by: By,
    /// Namespace of who makes it.
    namespace: &'a str,
    reference: Reference<'a>,
}

fn are_apart(repository: &Repository, one: usize, other: usize) -> bool {
    let apps = repository.apps.get(one).zip(repository.apps.get(other));
    apps.is_some_and(|(one, other)| Cluster::are_apart(one, other))
}

fn judge<'a>(
    asked: Asked<'a>,
    repository: &'a Repository,
    index: &Index<'a>,
    world: &World<'a>,
    variants: &Variants,
    search: &mut near::Search<'a, '_>,
) -> Option<Broken> {
    let Asked { app, by, namespace, reference } = asked;
    let namespace = match reference.namespace {
        _ if is_cluster_scoped(reference.group, reference.kind) => "",
        Place::Same => namespace,
        Place::Namespace(namespace) => namespace,
    };
    let asker = match by {
        By::Object(at) => repository.apps.get(app).and_then(|app| app.objects.get(at)),
        By::Release(_) => None,
    };
    let question =
        Question { by: asker, group: reference.group, kind: reference.kind, namespace, name: reference.name };
    let answer = index.answer(&question);
    if let (Answer::Defined(definitions), None, By::Object(at)) = (&answer, reference.part, by) {
        let other = variants.only_elsewhere(app, at, definitions, repository);
        if let Some(definition) = other.filter(|_| world.is_whole_but_for_files(app)) {
            let near = Near {
                nearness: Nearness::OtherVariant,
                kind: reference.kind.into(),
                namespace: namespace.into(),
                name: reference.name.into(),
                span: definition.span,
            };
            let fault = Fault::Missing { closed: false, near: Some(near) };
            return Some(broken_of(app, by, namespace, &reference, fault));
        }
    }
    if let (Answer::Defined(definitions), None) = (&answer, reference.part)
        && let Some(first) = definitions.first()
        && definitions.iter().all(|definition| are_apart(repository, app, definition.app))
        && world.is_whole(app)
        && world.is_closed(&question, index)
        && !repository.config.is_external(reference.kind, namespace, reference.name)
    {
        let near = Near {
            nearness: Nearness::OtherCluster,
            kind: reference.kind.into(),
            namespace: namespace.into(),
            name: reference.name.into(),
            span: first.span,
        };
        let fault = Fault::Missing { closed: true, near: Some(near) };
        return Some(broken_of(app, by, namespace, &reference, fault));
    }
    let fault = match (answer, reference.part) {
        (Answer::Unknown, _) | (Answer::Defined(_), None) => return None,
        (Answer::Defined(mut definitions), Some(part)) => {
            definitions.retain(|definition| !are_apart(repository, app, definition.app));
            part_fault(&definitions, part)?
        }
        // The reference to the whole speaks of it.
        (Answer::Missing, Some(_)) => return None,
        (Answer::Missing, None) => {
            if repository.config.is_external(reference.kind, namespace, reference.name) {
                return None;
            }
            let is_namespace = (reference.group, reference.kind) == ("", "Namespace");
            let lived_in =
                world.is_destination(reference.name) || reference.role != Role::Home && world.is_home(reference.name);
            if is_namespace && lived_in {
                return None;
            }
            let closed = world.is_whole(app) && world.is_closed(&question, index);
            let near = search.near(&question, closed)?;
            // Grafana may run elsewhere, and find the name there.
            let sure = near.as_ref().is_some_and(|near| near.nearness == Nearness::Spelling);
            if reference.role == Role::Datasource && !sure {
                return None;
            }
            Fault::Missing { closed, near }
        }
    };
    Some(broken_of(app, by, namespace, &reference, fault))
}

fn broken_of(app: usize, by: By, namespace: &str, reference: &Reference<'_>, fault: Fault) -> Broken {
    Broken {
        app,
        by,
        group: reference.group.into(),
        kind: reference.kind.into(),
        namespace: namespace.into(),
        name: reference.name.into(),
        span: reference.span,
        role: reference.role,
        fault,
    }
}

/// What is looked for.
#[derive(Clone, Copy)]
struct Question<'a> {
    /// The object that asks, if it is one.
    by: Option<&'a Object>,
    group: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
}

fn part_fault(definitions: &[&index::Definition<'_>], part: Part<'_>) -> Option<Fault> {
    let mut first = None;
    for definition in definitions {
        // A part that one of several definitions has, or may have, is there.
        let parts = definition.parts(part)?;
        if parts.iter().any(|(name, number, _)| match part {
            Part::PortNumber(wanted) => *number == Some(wanted),
            Part::Key(wanted) | Part::PortName(wanted) | Part::Listener(wanted) | Part::Template(wanted) => {
                name.as_ref().is_some_and(|name| name == wanted)
            }
        }) {
            return None;
        }
        first.get_or_insert((definition.span, parts));
    }
    let (definition, parts) = first?;
    let (part, what) = match part {
        Part::Key(name) => (name.into(), "key"),
        Part::PortNumber(number) => (number.to_string().into(), "port"),
        Part::PortName(name) => (name.into(), "port"),
        Part::Listener(name) => (name.into(), "listener"),
        Part::Template(name) => (name.into(), "template"),
    };
    let has = parts.into_iter().map(|(name, number, span)| {
        let text = match (name, number) {
            (Some(name), Some(number)) => compact_str::format_compact!("{number} ({name})"),
            (Some(name), None) => name,
            (None, number) => number.map(|number| number.to_string()).unwrap_or_default().into(),
        };
        (text, span)
    });
    Some(Fault::PartMissing { part, what, definition, has: has.collect() })
}

/// A namespace that is known; one that a template will fill in is not.
fn settled(namespace: &str) -> &str {
    if namespace.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') { namespace } else { "" }
}
