//! What a ServiceAccount may do in the whole cluster, by the roles and bindings of the repository.
//!
//! Left out: what holds in one namespace only, and whether the authorizer asks anybody else.

use crate::kubernetes::{Object, selects};
use crate::repository::Repository;
use crate::source::Span;
use crate::yaml::Node;

const GROUP: &str = "rbac.authorization.k8s.io";

/// Labels by which the roles that Kubernetes brings are put together.
const BUILT_IN: [&str; 3] = ["view", "edit", "admin"];

/// What `view` lets one read in the core group, as far as monitoring asks for it. It has neither nodes nor volumes.
const VIEW: [&str; 6] = ["pods", "services", "endpoints", "configmaps", "namespaces", "persistentvolumeclaims"];

/// Rules that hold for one ServiceAccount everywhere.
pub(super) struct Permissions<'a> {
    rules: Vec<&'a Node>,
    /// Whether it has what `view` has.
    views: bool,
    /// A binding that grants something in the whole cluster, for a finding to point at.
    pub(super) binding: Option<&'a Object>,
    /// A binding that grants something in one namespace only.
    pub(super) narrow: Option<&'a Object>,
}

impl<'a> Permissions<'a> {
    /// Collects them. `None` if that can't be known: the ServiceAccount is not the repository's, or one of its roles is
    /// not, or is all-powerful.
    pub(super) fn of(repository: &'a Repository, namespace: &str, name: &str) -> Option<Self> {
        let mut accounts = repository.objects_of("", "ServiceAccount");
        let is_own =
            accounts.any(|(app, object)| object.id.name == name && repository.home_of(app, object) == namespace);
        if !is_own {
            return None;
        }
        let mut found = Self { rules: Vec::new(), views: false, binding: None, narrow: None };
        let bindings = |kind| {
            let all = repository.objects_of(GROUP, kind).map(|(_, object)| object);
            all.filter(|object| is_subject(object, namespace, name))
        };
        found.narrow = bindings("RoleBinding").next();
        for object in bindings("ClusterRoleBinding") {
            found.binding.get_or_insert(object);
            let role = object.root.str_at(&["roleRef", "name"])?;
            found.add(repository, role)?;
        }
        Some(found)
    }

    fn add(&mut self, repository: &'a Repository, role: &str) -> Option<()> {
        let cluster_roles = || repository.objects_of(GROUP, "ClusterRole").map(|(_, role)| role);
        let mut own = cluster_roles().filter(|object| object.id.name == role).peekable();
        if own.peek().is_none() {
            self.views |= BUILT_IN.contains(&role);
            return BUILT_IN.contains(&role).then_some(());
        }
        for object in own {
            let Some(aggregation) = object.root.get("aggregationRule") else {
                self.rules.extend(object.root.get("rules").map(Node::items).unwrap_or_default());
                continue;
            };
            for selector in aggregation.get("clusterRoleSelectors").map(Node::items).unwrap_or_default() {
                let labels = selector.get("matchLabels").map(Node::entries).unwrap_or_default();
                self.views |= labels.iter().any(|label| {
                    let wanted = label.key.text.strip_prefix("rbac.authorization.k8s.io/aggregate-to-");
                    wanted.is_some_and(|to| BUILT_IN.contains(&to)) && label.value.as_text() == Some("true")
                });
                for other in cluster_roles() {
                    if selects(selector, other.root.at(&["metadata", "labels"]))? {
                        self.rules.extend(other.root.get("rules").map(Node::items).unwrap_or_default());
                    }
                }
            }
        }
        Some(())
    }

    /// Whether a request is granted in the whole cluster.
    pub(super) fn allow(&self, group: &str, resource: &str, verb: &str) -> bool {
        let viewed = self.views && group.is_empty() && VIEW.contains(&resource);
        let reads = matches!(verb, "get" | "list" | "watch");
        viewed && reads || self.rules.iter().any(|rule| grants(rule, group, resource, verb))
    }

    /// The verbs of the rule that grants `verb`, for a finding on one that is missing there.
    pub(super) fn verbs(&self, group: &str, resource: &str, verb: &str) -> Option<Span> {
        let rule = self.rules.iter().find(|rule| grants(rule, group, resource, verb))?;
        rule.get("verbs").map(|verbs| verbs.span)
    }
}

fn is_subject(object: &Object, namespace: &str, name: &str) -> bool {
    if !object.id.is(GROUP, "ClusterRoleBinding") && !object.id.is(GROUP, "RoleBinding") {
        return false;
    }
    object.root.get("subjects").map(Node::items).unwrap_or_default().iter().any(|subject| {
        let home = subject.str_at(&["namespace"]).unwrap_or(object.id.namespace.as_str());
        let subject_name = subject.str_at(&["name"]).unwrap_or_default();
        match subject.str_at(&["kind"]) {
            Some("ServiceAccount") => subject_name == name && home == namespace,
            Some("Group") => {
                matches!(subject_name, "system:serviceaccounts" | "system:authenticated")
                    || subject_name.strip_prefix("system:serviceaccounts:") == Some(namespace)
            }
            _ => false,
        }
    })
}

/// Whether a rule grants a request on every object of a resource. What can't be known may grant it.
fn grants(rule: &Node, group: &str, resource: &str, verb: &str) -> bool {
    let has =
        |key: &str, wanted: &str| {
            let list = rule.get(key);
            list.is_some_and(Node::is_unknown)
                || list.map(Node::items).unwrap_or_default().iter().any(|item| {
                    item.is_unknown() || matches!(item.as_text(), Some(text) if text == wanted || text == "*")
                })
        };
    let any_part = resource.split_once('/').map(|(_, part)| format!("*/{part}"));
    let named = rule.get("resourceNames").is_some_and(|names| !names.items().is_empty());
    !named
        && has("apiGroups", group)
        && (has("resources", resource) || any_part.is_some_and(|part| has("resources", &part)))
        && has("verbs", verb)
}
