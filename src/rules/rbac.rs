//! What a ServiceAccount may do, as far as the repository's roles and bindings tell.
//!
//! Only RBAC. A role that is not at hand, such as one that a chart or Kubernetes brings, leaves the answer open.

use foldhash::{HashMap, HashMapExt};

use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::yaml::Node;

const GROUP: &str = "rbac.authorization.k8s.io";

/// The answer to whether something is permitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Permission {
    /// A rule permits it.
    Granted,
    /// Every binding and role is known, and none permits it.
    Denied,
    /// Something that is not at hand may permit it.
    Unknown,
}

/// What is to be done: these verbs on a resource of an API group.
#[derive(Clone, Copy)]
pub(crate) struct Deed {
    /// API group.
    pub(crate) group: &'static str,
    /// Resource, in the plural.
    pub(crate) resource: &'static str,
    /// Verbs; all of them are needed.
    pub(crate) verbs: &'static [&'static str],
}

/// A ServiceAccount of the repository, and the app that brings it.
pub(crate) type Account<'a> = (&'a BuiltApp, &'a Object);

/// Every ServiceAccount of the repository, by namespace and name.
pub(crate) fn accounts(repository: &Repository) -> HashMap<(&str, &str), Vec<Account<'_>>> {
    let mut found: HashMap<(&str, &str), Vec<Account<'_>>> = HashMap::new();
    for (app, object) in repository.objects_of("", "ServiceAccount") {
        found.entry((repository.home_of(app, object), &object.id.name)).or_default().push((app, object));
    }
    found
}

/// A binding, and the namespace it holds in; empty for all.
struct Binding<'a> {
    object: &'a Object,
    namespace: &'a str,
}

/// Every role and binding of the repository.
pub(crate) struct Grants<'a> {
    /// By subject: `namespace/name` of a ServiceAccount, or the name of a group.
    bindings: HashMap<String, Vec<Binding<'a>>>,
    /// By kind, namespace and name.
    roles: HashMap<(&'a str, &'a str, &'a str), Vec<&'a Object>>,
    /// Whether roles may lie in a chart of this repository, which its authors write for themselves.
    open: bool,
}

impl<'a> Grants<'a> {
    /// Reads the repository's roles and bindings.
    pub(crate) fn of(repository: &'a Repository) -> Self {
        let own_chart = |app: &BuiltApp| app.releases.iter().any(|it| it.chart.directory.is_some());
        let mut grants =
            Self { bindings: HashMap::new(), roles: HashMap::new(), open: repository.apps.iter().any(own_chart) };
        for kind in ["Role", "ClusterRole"] {
            for (app, object) in repository.objects_of(GROUP, kind) {
                let key = (kind, repository.home_of(app, object), object.id.name.as_str());
                grants.roles.entry(key).or_default().push(object);
            }
        }
        for kind in ["RoleBinding", "ClusterRoleBinding"] {
            for (app, object) in repository.objects_of(GROUP, kind) {
                let namespace = repository.home_of(app, object);
                for subject in object.root.get("subjects").map(Node::items).unwrap_or_default() {
                    if let Some(subject) = subject_of(subject, namespace) {
                        grants.bindings.entry(subject).or_default().push(Binding { object, namespace });
                    }
                }
            }
        }
        grants
    }

    /// Whether a ServiceAccount, by its namespace and name, may do something in a namespace.
    pub(crate) fn may(&self, account: (&str, &str), namespace: &str, deed: Deed) -> Permission {
        let (home, name) = account;
        if self.open || home.is_empty() || namespace.is_empty() {
            return Permission::Unknown;
        }
        let groups = ["system:authenticated".to_owned(), "system:serviceaccounts".to_owned()];
        let own = [format!("{home}/{name}"), format!("system:serviceaccounts:{home}")];
        let mut answer = Permission::Denied;
        for binding in groups.iter().chain(&own).filter_map(|subject| self.bindings.get(subject)).flatten() {
            if !binding.namespace.is_empty() && binding.namespace != namespace {
                continue;
            }
            match self.role_permits(binding, deed) {
                Permission::Granted => return Permission::Granted,
                Permission::Unknown => answer = Permission::Unknown,
                Permission::Denied => {}
            }
        }
        answer
    }

    fn role_permits(&self, binding: &Binding<'_>, deed: Deed) -> Permission {
        let text = |key: &str| binding.object.root.at(&["roleRef", key]).and_then(Node::as_text).unwrap_or_default();
        let (kind, name) = (text("kind"), text("name"));
        if name == "cluster-admin" {
            return Permission::Granted;
        }
        let namespace = if kind == "Role" { binding.namespace } else { "" };
        let Some(roles) = self.roles.get(&(kind, namespace, name)) else { return Permission::Unknown };
        if roles.iter().any(|role| role.root.get("aggregationRule").is_some()) {
            return Permission::Unknown;
        }
        let rules = || roles.iter().flat_map(|role| role.root.get("rules").map(Node::items).unwrap_or_default());
        let all = deed.verbs.iter().all(|verb| rules().any(|rule| permits(rule, deed, verb)));
        if all { Permission::Granted } else { Permission::Denied }
    }
}

fn permits(rule: &Node, deed: Deed, verb: &str) -> bool {
    let lists = |key: &str, wanted: &str| {
        let items = rule.get(key).map(Node::items).unwrap_or_default();
        items.iter().any(|item| item.is_unknown() || item.as_text().is_some_and(|text| text == "*" || text == wanted))
    };
    lists("apiGroups", deed.group) && lists("resources", deed.resource) && lists("verbs", verb)
}

/// The name under which a binding's subject is found.
fn subject_of(subject: &Node, home: &str) -> Option<String> {
    let name = subject.get("name").and_then(Node::as_text)?;
    match subject.str_at(&["kind"])? {
        "ServiceAccount" => {
            let namespace = subject.get("namespace").and_then(Node::as_text).unwrap_or(home);
            Some(format!("{namespace}/{name}"))
        }
        "Group" => Some(name.to_owned()),
        "User" => {
            let (namespace, name) = name.strip_prefix("system:serviceaccount:")?.split_once(':')?;
            Some(format!("{namespace}/{name}"))
        }
        _ => None,
    }
}
