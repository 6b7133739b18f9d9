//! See `rules/role/role-resource-group.md`.

use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Object(check);

/// Resources of Kubernetes by their groups, as far as roles commonly name them. Source: the API reference.
pub(super) const GROUPS: [(&str, &[&str]); 9] = [
    (
        "",
        &[
            "pods",
            "services",
            "configmaps",
            "secrets",
            "nodes",
            "namespaces",
            "persistentvolumes",
            "persistentvolumeclaims",
            "serviceaccounts",
            "endpoints",
            "replicationcontrollers",
            "resourcequotas",
            "limitranges",
        ],
    ),
    ("apps", &["deployments", "statefulsets", "daemonsets", "replicasets", "controllerrevisions"]),
    ("batch", &["jobs", "cronjobs"]),
    ("networking.k8s.io", &["ingresses", "ingressclasses", "networkpolicies"]),
    ("policy", &["poddisruptionbudgets"]),
    ("autoscaling", &["horizontalpodautoscalers"]),
    ("storage.k8s.io", &["storageclasses", "csidrivers", "csinodes", "volumeattachments", "csistoragecapacities"]),
    ("coordination.k8s.io", &["leases"]),
    ("discovery.k8s.io", &["endpointslices"]),
];

fn check(object: &Object, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    if object.id.group != "rbac.authorization.k8s.io" || !matches!(object.id.kind.as_str(), "Role" | "ClusterRole") {
        return;
    }
    let rules = object.root.get("rules").map(Node::items).unwrap_or_default();
    for rule in rules {
        let groups = texts(rule, "apiGroups");
        for node in rule.get("apiGroups").map(Node::items).unwrap_or_default() {
            let Some(written) = node.as_text() else { continue };
            let Some(group) = without_version(written) else { continue };
            let message = format!(
                "{} names `{written}` as an API group, but groups are written without a version: this rule grants nothing \
                 of it, and whoever needs it is still told \"forbidden\"",
                object.id
            );
            findings.report(node.span, message).label("no group").help(format!("write `\"{group}\"`"));
        }
        // Of other groups it is not known here what they hold; `extensions` is written for clusters of long ago.
        if groups.is_empty() || !groups.iter().all(|group| GROUPS.iter().any(|(known, _)| known == group)) {
            continue;
        }
        for node in rule.get("resources").map(Node::items).unwrap_or_default() {
            let Some(resource) = node.as_text() else { continue };
            let (name, part) = resource.split_once('/').unwrap_or((resource, ""));
            let Some((group, _)) = GROUPS.iter().find(|(_, names)| names.contains(&name)) else { continue };
            let elsewhere = |other: &Node| {
                texts(other, "apiGroups").iter().any(|own| own == group || *own == "*")
                    && texts(other, "resources").iter().any(|own| *own == resource || *own == "*")
            };
            // A kind that moved is often granted in both groups.
            if groups.contains(group) || rules.iter().any(elsewhere) {
                continue;
            }
            let right =
                if group.is_empty() { "the core group, `\"\"`".to_owned() } else { format!("the group `{group}`") };
            let whole = if part.is_empty() { name.to_owned() } else { format!("{name}/{part}") };
            let message = format!(
                "{} grants `{whole}` in a group that does not have it: they are in {right}, and whoever needs them is still \
                 told \"forbidden\"",
                object.id
            );
            let written = rule.get("apiGroups").and_then(|groups| groups.items().first());
            // A group that a patch wrote is what somebody changed, not the resource in the base.
            let patched = written.filter(|group| group.span.file != node.span.file);
            let finding = findings.report(patched.unwrap_or(node).span, message);
            if patched.is_some() {
                finding.related(node.span, "the resource");
            } else if let Some(group) = written {
                finding.related(group.span, "the group");
            }
            finding.help(format!("write `\"{group}\"` in `apiGroups`"));
        }
    }
}

/// The group of a text that has a version in it: `apps/v1`, or `v1` for the core group.
fn without_version(text: &str) -> Option<&str> {
    let (group, version) = text.split_once('/').unwrap_or(("", text));
    let is_version = version.strip_prefix('v').is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()));
    (is_version && !version.contains('.')).then_some(group)
}

fn texts<'a>(rule: &'a Node, key: &str) -> Vec<&'a str> {
    rule.get(key).map(Node::items).unwrap_or_default().iter().filter_map(Node::as_text).collect()
}
