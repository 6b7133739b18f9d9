//! AppProjects and what they permit, as Argo CD decides it (`AppProject` in its `pkg/apis/application/v1alpha1`).
//!
//! Whatever can't be known counts as permitted. Left out: roles, sync windows, source namespaces.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobBuilder;

use crate::gitops::Application;
use crate::kubernetes::{Object, Scope, scope};
use crate::repository::{BuiltApp, Repository};
use crate::source::Span;
use crate::yaml::Node;

/// The names under which Argo CD knows the cluster it runs in.
const IN_CLUSTER: (&str, &str) = ("in-cluster", "https://kubernetes.default.svc");

/// The AppProjects of a repository, by name.
pub(super) struct Projects<'a>(BTreeMap<&'a str, Vec<&'a Object>>);

impl<'a> Projects<'a> {
    /// Every project, as it is built, else as it is written. None at all where global projects lend others their rights,
    /// since labels decide which.
    pub(super) fn of(repository: &'a Repository) -> Self {
        let mut seen = BTreeSet::new();
        let mut by_name: BTreeMap<&str, Vec<&Object>> = BTreeMap::new();
        let lends = |map: &Object| map.root.at(&["data", "globalProjects"]).is_some();
        if repository.inventory.config_maps("argocd-cm").any(lends) {
            return Self(by_name);
        }
        let is_named = |object: &&Object| !object.id.name.is_empty();
        for (_, object) in repository.objects_of("argoproj.io", "AppProject").filter(|(_, object)| is_named(object)) {
            seen.insert((object.root.span.file, object.root.span.start));
            by_name.entry(&object.id.name).or_default().push(object);
        }
        let written =
            repository.inventory.declarations.iter().filter(|object| object.id.is("argoproj.io", "AppProject"));
        for object in written.filter(is_named) {
            if seen.insert((object.root.span.file, object.root.span.start)) {
                by_name.entry(&object.id.name).or_default().push(object);
            }
        }
        Self(by_name)
    }

    /// The names of the projects.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.0.keys().copied()
    }

    /// All projects.
    pub(super) fn all(&self) -> impl Iterator<Item = &'a Object> {
        self.0.values().flatten().copied()
    }

    /// The project that refuses the application something. Where several clusters have projects of one name, all must
    /// refuse it, and the first is named.
    pub(super) fn refusing(&self, application: &Application, permits: impl Fn(&Node) -> bool) -> Option<&'a Object> {
        let projects = self.0.get(project_name(application)?)?;
        let permits = |project: &&Object| project.root.get("spec").is_none_or(&permits);
        if projects.iter().any(permits) { None } else { projects.first().copied() }
    }
}

/// The apps that Argo CD deploys.
pub(super) fn applications(repository: &Repository) -> impl Iterator<Item = (&BuiltApp, &Application)> {
    repository.apps.iter().filter_map(|app| Some((app, app.app.application.as_ref()?)))
}

/// The name of an application's project; `None` if it can't be known.
pub(super) fn project_name(application: &Application) -> Option<&str> {
    match application.spec(&["project"]) {
        Some(name) if name.is_unknown() => None,
        Some(name) => Some(name.as_text().filter(|name| !name.is_empty()).unwrap_or("default")),
        None => Some("default"),
    }
}

/// Where a key of the project's `spec` stands, else the project's name.
pub(super) fn place(project: &Object, key: &str) -> Span {
    let entries = project.root.get("spec").map(Node::entries).unwrap_or_default();
    entries.iter().find(|entry| entry.key.text == key).map_or(project.name_span(), |entry| entry.key.span)
}

/// The scope of a kind: what the repository defines beats what is known.
pub(super) fn scope_of(repository: &Repository, group: &str, kind: &str) -> Option<Scope> {
    let defined = repository.definitions.get(group, kind).and_then(|definition| definition.namespaced);
    let defined = defined.map(|namespaced| if namespaced { Scope::Namespaced } else { Scope::Cluster });
    defined.or_else(|| scope(group, kind))
}

/// The names of the lists for a scope: what is permitted, and what is forbidden.
pub(super) fn lists(scope: Scope) -> (&'static str, &'static str) {
    match scope {
        Scope::Cluster => ("clusterResourceWhitelist", "clusterResourceBlacklist"),
        Scope::Namespaced => ("namespaceResourceWhitelist", "namespaceResourceBlacklist"),
    }
}

/// Whether a list of the project has a kind. An entry may say the names it is for.
pub(super) fn is_listed(spec: &Node, list: &str, group: &str, kind: &str, name: &str) -> bool {
    let entries = spec.get(list).map(Node::items).unwrap_or_default();
    entries.iter().any(|entry| {
        let matches = |key: &str, value: &str| glob_field(entry, key).is_none_or(|pattern| glob(pattern, value, true));
        let named = entry.get("name").is_none() || matches("name", name);
        matches("group", group) && matches("kind", kind) && named
    })
}

/// Whether a project permits an object. A list of namespaced kinds that is absent permits all of them, an empty one none;
/// of cluster-scoped kinds only those are permitted that are listed.
pub(super) fn permits_kind(spec: &Node, scope: Scope, group: &str, kind: &str, name: &str) -> bool {
    let (permitted, forbidden) = lists(scope);
    let list = spec.get(permitted).filter(|list| !list.is_null());
    let is_permitted = match list {
        Some(list) if list.is_unknown() => true,
        Some(_) => is_listed(spec, permitted, group, kind, name),
        None => scope == Scope::Namespaced,
    };
    is_permitted && !is_listed(spec, forbidden, group, kind, name)
}

/// The text of a pattern: empty if it is absent, `None` if it can't be known.
fn glob_field<'n>(entry: &'n Node, key: &str) -> Option<&'n str> {
    match entry.get(key) {
        Some(value) if value.is_unknown() => None,
        value => Some(value.and_then(Node::as_text).unwrap_or_default()),
    }
}

/// Whether a pattern matches. One that is none matches nothing.
fn glob(pattern: &str, value: &str, separator: bool) -> bool {
    let matcher = || GlobBuilder::new(pattern).literal_separator(separator).empty_alternates(true).build().ok();
    pattern == "*" || pattern == value || matcher().is_some_and(|glob| glob.compile_matcher().is_match(value))
}

/// A cluster, as far as an application names it.
#[derive(Clone, Copy)]
pub(super) struct Cluster<'a> {
    name: Option<&'a str>,
    server: Option<&'a str>,
}

impl<'a> Cluster<'a> {
    /// The cluster of an application; `None` if a template hides it, or it names none.
    pub(super) fn of(application: &'a Application) -> Option<Self> {
        let field = |key| application.spec(&["destination", key]);
        if [field("name"), field("server")].into_iter().flatten().any(Node::is_unknown) {
            return None;
        }
        let text = |key| field(key).and_then(Node::as_text).filter(|text: &&str| !text.is_empty());
        match (text("name"), text("server")) {
            (None, None) => None,
            (Some(name), _) if name == IN_CLUSTER.0 => Some(Self { name: Some(name), server: Some(IN_CLUSTER.1) }),
            (_, Some(server)) if server == IN_CLUSTER.1 => {
                Some(Self { name: Some(IN_CLUSTER.0), server: Some(server) })
            }
            (name, server) => Some(Self { name, server }),
        }
    }
}

/// Whether a project permits a namespace of a cluster; an empty namespace is what an application without one asks for.
/// An entry that forbids beats every other.
pub(super) fn permits_destination(spec: &Node, cluster: Cluster<'_>, namespace: &str) -> bool {
    let entries = spec.get("destinations").map(Node::items).unwrap_or_default();
    let matches = |pattern: &str, value: &str| match pattern.strip_prefix('!') {
        Some(denied) => !glob(denied, value, false),
        None => glob(pattern, value, false),
    };
    let mut permitted = false;
    for entry in entries {
        let field = |key| glob_field(entry, key);
        let (Some(name), Some(server), Some(wanted)) = (field("name"), field("server"), field("namespace")) else {
            return true;
        };
        // The other name of the cluster is in a Secret; it may be this one, unless this is where Argo CD itself runs.
        let side = |pattern: &str, value: Option<&str>, own: &str| match value {
            Some(value) => !pattern.is_empty() && matches(pattern, value),
            None => !pattern.is_empty() && pattern != own,
        };
        let is_named = side(name, cluster.name, IN_CLUSTER.0);
        let is_server = side(server, cluster.server, IN_CLUSTER.1);
        let is_namespace = matches(wanted, namespace);
        let denies = |pattern: &str| pattern.starts_with('!');
        if (is_named || is_server) && is_namespace {
            permitted = true;
        } else if is_namespace && (!is_named && denies(name) || !is_server && denies(server))
            || !is_namespace && denies(wanted) && is_server
        {
            return false;
        }
    }
    permitted
}

/// Whether a project permits a repository. `*` stays within one part of a URL, but alone it means all.
pub(super) fn permits_source(spec: &Node, url: &str) -> bool {
    let url = normalized(url);
    let mut permitted = false;
    for pattern in spec.get("sourceRepos").map(Node::items).unwrap_or_default() {
        let Some(pattern) = pattern.as_text() else { return true };
        let (denies, pattern) = pattern.strip_prefix('!').map_or((false, pattern), |denied| (true, denied));
        let pattern = normalized(pattern);
        let matches = glob(&pattern, &url, !pattern.contains("**"));
        if denies && matches {
            return false;
        }
        // An entry that only forbids permits what it does not match.
        permitted |= matches != denies;
    }
    permitted
}

/// A repository URL as Argo CD compares it: ssh in one form, without `.git`, in small letters.
fn normalized(url: &str) -> String {
    let url = url.trim().to_lowercase();
    let url = match url.contains("://") {
        false if url.contains('@') => url.replacen(':', "/", 1),
        _ => url.strip_prefix("ssh://").unwrap_or(&url).to_owned(),
    };
    url.trim_end_matches('/').trim_end_matches(".git").trim_end_matches('/').to_owned()
}
