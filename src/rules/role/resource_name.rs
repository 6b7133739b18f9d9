//! See `rules/role/role-resource-name.md`.

use super::resource_group::GROUPS;
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Object(check);

/// Parts of pods that are easily written otherwise. Source: the API reference.
const PARTS: [(&str, &str); 6] = [
    ("logs", "log"),
    ("execs", "exec"),
    ("port-forward", "portforward"),
    ("portforwards", "portforward"),
    ("attaches", "attach"),
    ("evictions", "eviction"),
];

fn check(object: &Object, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    if object.id.group != "rbac.authorization.k8s.io" || !matches!(object.id.kind.as_str(), "Role" | "ClusterRole") {
        return;
    }
    for rule in object.root.get("rules").map(Node::items).unwrap_or_default() {
        let groups = rule.get("apiGroups").map(Node::items).unwrap_or_default();
        // Of other groups it is not known here what they hold.
        let known = |group: &Node| GROUPS.iter().any(|(known, _)| group.as_text() == Some(known));
        if groups.is_empty() || !groups.iter().all(known) {
            continue;
        }
        for node in rule.get("resources").map(Node::items).unwrap_or_default() {
            let Some(text) = node.as_text() else { continue };
            let Some(meant) = meant(text) else { continue };
            let message = format!(
                "{} grants `{text}`, which is no resource: they are `{meant}`, and whoever needs them is still told \"forbidden\"",
                object.id
            );
            findings.report(node.span, message).label("no such resource").help(format!("write `{meant}`"));
        }
    }
}

/// The resource that a kind, a singular or another word for a part stands for; `None` for everything else.
fn meant(text: &str) -> Option<String> {
    let (name, part) = text.split_once('/').map_or((text, None), |(name, part)| (name, Some(part)));
    let is_resource = |name: &str| GROUPS.iter().any(|(_, names)| names.contains(&name));
    let lower = name.to_ascii_lowercase();
    let plurals = [lower.clone(), format!("{lower}s"), format!("{lower}es"), lower.replace("policy", "policies")];
    let plural = plurals.into_iter().find(|plural| is_resource(plural))?;
    let right = part.map(|part| {
        PARTS.iter().find(|(wrong, _)| plural == "pods" && *wrong == part).map_or(part, |(_, right)| right)
    });
    let meant = right.map_or(plural.clone(), |part| format!("{plural}/{part}"));
    (meant != text).then_some(meant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_singulars_and_other_words_are_told() {
        let cases = [
            ("pod", Some("pods")),
            ("Deployment", Some("deployments")),
            ("NetworkPolicy", Some("networkpolicies")),
            ("ingress", Some("ingresses")),
            ("pods/logs", Some("pods/log")),
            ("pod/exec", Some("pods/exec")),
            ("endpoints", None),
            ("pods/log", None),
            ("widgets", None),
            ("*", None),
            ("*/scale", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(meant(text).as_deref(), expected, "{text}");
        }
    }
}
