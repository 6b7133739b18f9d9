//! See `rules/cilium/cilium-empty-rules-not-enforced.md`.

use crate::kubernetes::Object;
use crate::kubernetes::network_policy::{Direction, Match, NetworkPolicy};
use crate::repository::network::{Group, Network, PlacedPolicy};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Object(check);

fn check(object: &Object, app: &BuiltApp, repository: &Repository, findings: &mut Findings<'_>) {
    if object.id.group != "cilium.io" || !object.id.kind.ends_with("NetworkPolicy") {
        return;
    }
    let specs = object.root.get("specs").map(Node::items).unwrap_or_default();
    let specs = object.root.get("spec").into_iter().chain(specs).filter(|spec| spec.get("endpointSelector").is_some());
    for (policy, spec) in NetworkPolicy::of(object).iter().zip(specs) {
        for direction in [Direction::Ingress, Direction::Egress] {
            let key = direction.to_string();
            let list = spec.get(&key).filter(|list| list.as_sequence().is_some_and(<[Node]>::is_empty));
            let told = spec.at(&["enableDefaultDeny", &key]).is_some();
            let Some(list) = list.filter(|_| !told && !policy.side(direction).enforced) else { continue };
            if closed_otherwise(repository.network(), policy, direction, repository.home_of(app, object)) {
                continue;
            }
            findings
                .report(
                    list.span,
                    format!(
                        "{} has an empty list of {direction} rules, which to Cilium is the same as none: all {direction} \
                         stays allowed",
                        object.id
                    ),
                )
                .label("enforces nothing")
                .help(format!("write `{key}: [{{}}]`: an empty rule allows nothing and makes the pods' {direction} closed"));
        }
    }
}

/// Whether another policy closes the direction for the same pods.
fn closed_otherwise(network: &Network, policy: &NetworkPolicy, direction: Direction, namespace: &str) -> bool {
    let closes = |(_, other, selected): (usize, &PlacedPolicy, Match)| {
        selected == Match::Yes && other.policy.side(direction).enforced
    };
    let examples = policy.subject.labels.examples(1);
    examples.iter().any(|labels| network.selecting(Group { cluster: None, namespace, labels }).any(closes))
}
