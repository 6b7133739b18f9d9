//! See `rules/kustomize/kustomize-namespace-moves-role.md`.

use std::collections::BTreeMap;

use crate::kubernetes::{Object, Pod};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::{Action, Node};

pub(crate) const CHECK: Check = Check::App(check);

const RBAC: &str = "rbac.authorization.k8s.io";

/// A Role that was moved away from where its holder works.
struct Moved<'a> {
    role: &'a Object,
    written: &'a Node,
    user: &'a Object,
    argument: Span,
}

fn check<'a>(app: &'a BuiltApp, _: &'a Repository, findings: &mut Findings<'a>) {
    // One line moves them all.
    let mut by_place: BTreeMap<Span, Vec<Moved<'a>>> = BTreeMap::new();
    for role in app.objects.iter().filter(|object| object.id.is(RBAC, "Role")) {
        let Some((written, by)) = moved(role) else { continue };
        let Some(namespace) = written.as_str().filter(|written| *written != role.id.namespace) else { continue };
        let accounts: Vec<&str> = bindings(app, "RoleBinding", &role.id.name).flat_map(accounts_of).collect();
        let Some((user, account, argument)) = asks_for(app, &accounts, namespace) else { continue };
        if !has_it_everywhere(app, account, role) {
            by_place.entry(by).or_default().push(Moved { role, written, user, argument });
        }
    }
    for (by, roles) in by_place {
        let Some(first) = roles.first() else { continue };
        findings.about(Some(app), Some(first.role));
        let (from, to) = (first.written.as_str().unwrap_or_default(), &first.role.id.namespace);
        let others = if roles.len() > 1 { format!(" and {} more", roles.len() - 1) } else { String::new() };
        let message = format!(
            "this moves Role {}{others} from {from} to {to}, but {} is told to work in {from}, where it has no permission now",
            first.role.id.name, first.user.id
        );
        let finding = findings.report(by, message);
        for Moved { role, written, argument, .. } in &roles {
            finding.related(written.span, format!("where Role {} is written for", role.id.name));
            finding.related(*argument, format!("{from} is asked for here"));
        }
        finding.help(format!(
            "let the program work in {to} too, or keep what belongs to {from} in a kustomization of its own"
        ));
    }
}

/// The namespace that a namespace transformer took from an object, and where that is asked for.
fn moved(object: &Object) -> Option<(&Node, Span)> {
    let namespace = object.root.at(&["metadata", "namespace"])?;
    let change = namespace.history.changes().iter().rfind(|change| change.action == Action::Namespaced)?;
    Some((change.before.as_ref()?, change.by))
}

fn bindings<'a>(app: &'a BuiltApp, kind: &'static str, role: &'a str) -> impl Iterator<Item = &'a Object> {
    let of_kind = app.objects.iter().filter(move |object| object.id.is(RBAC, kind));
    of_kind.filter(move |object| object.root.str_at(&["roleRef", "name"]) == Some(role))
}

fn accounts_of(binding: &Object) -> Vec<&str> {
    let subjects = binding.root.get("subjects").map(Node::items).unwrap_or_default();
    let accounts = subjects.iter().filter(|subject| subject.str_at(&["kind"]) == Some("ServiceAccount"));
    accounts.filter_map(|subject| subject.str_at(&["name"])).collect()
}

/// A workload that runs under one of the accounts and has the namespace in an argument: `--…namespace=kube-system`.
fn asks_for<'a>(app: &'a BuiltApp, accounts: &[&'a str], namespace: &str) -> Option<(&'a Object, &'a str, Span)> {
    let end = format!("namespace={namespace}");
    app.objects.iter().find_map(|object| {
        let pod = Pod::of(object)?;
        let account = pod.spec.str_at(&["serviceAccountName"]).filter(|account| accounts.contains(account))?;
        let lists = pod.containers().flat_map(|container| ["command", "args"].map(|field| container.node.get(field)));
        let mut arguments = lists.flatten().flat_map(Node::items);
        let argument = arguments.find(|argument| argument.as_text().is_some_and(|text| text.ends_with(&end)))?;
        Some((object, account, argument.span))
    })
}

/// Whether a ClusterRole gives the account what the Role is for, in every namespace.
fn has_it_everywhere(app: &BuiltApp, account: &str, role: &Object) -> bool {
    let texts = |node: &Node, field: &str| -> Vec<String> {
        node.get(field)
            .map(Node::items)
            .unwrap_or_default()
            .iter()
            .filter_map(Node::as_text)
            .map(str::to_owned)
            .collect()
    };
    let rules = |object: &Object| object.root.get("rules").map(Node::items).unwrap_or_default().to_vec();
    let wanted: Vec<String> = rules(role).iter().flat_map(|rule| texts(rule, "resources")).collect();
    app.objects.iter().filter(|object| object.id.is(RBAC, "ClusterRole")).any(|cluster_role| {
        let is_bound = bindings(app, "ClusterRoleBinding", &cluster_role.id.name)
            .any(|binding| accounts_of(binding).contains(&account));
        let given: Vec<String> = rules(cluster_role).iter().flat_map(|rule| texts(rule, "resources")).collect();
        is_bound && wanted.iter().all(|resource| given.iter().any(|own| own == resource || own == "*"))
    })
}
