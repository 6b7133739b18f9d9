//! See `rules/cilium/cilium-deny-overrides-allow.md`.

use crate::kubernetes::network_policy::{Direction, Match, Namespaces, Peer, Rule, Selector, Who};
use crate::repository::Repository;
use crate::repository::network::{Group, PlacedPolicy};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let network = repository.network();
    if network
        .policies
        .iter()
        .all(|policy| policy.policy.ingress.deny.is_empty() && policy.policy.egress.deny.is_empty())
    {
        return;
    }
    for policy in &network.policies {
        let examples = policy.policy.subject.labels.examples(1);
        let Some(labels) = examples.first() else { continue };
        let group = Group { cluster: policy.cluster.as_deref(), namespace: &policy.namespace, labels };
        let deniers: Vec<&PlacedPolicy> = network
            .selecting(group)
            .filter(|(_, _, selected)| *selected == Match::Yes)
            .map(|(_, policy, _)| policy)
            .collect();
        for direction in [Direction::Ingress, Direction::Egress] {
            for rule in &policy.policy.side(direction).allow {
                let found = rule.peers.iter().flatten().find_map(|peer| {
                    // What a denial of the node does has a rule of its own.
                    let node = matches!(&peer.who, Who::Entity(entity) if entity == "host");
                    let denial = deniers.iter().find_map(|denier| {
                        let deny = denier.policy.side(direction).deny.iter();
                        let place = deny.filter_map(|deny| covers(deny, denier, peer, rule, policy)).next()?;
                        Some((place, *denier))
                    });
                    denial.filter(|_| !(node && direction == Direction::Ingress)).map(|denial| (peer, denial))
                });
                let Some((peer, (denial, denier))) = found else { continue };
                let (says, other) = (policy.name(repository), denier.name(repository));
                let by = if std::ptr::eq(policy, denier) { "the same policy".to_owned() } else { other };
                findings.about(repository.apps.get(policy.app), policy.object(repository));
                findings
                    .report(
                        peer.span,
                        format!(
                            "{says} allows this {direction}, but {by} denies it, and in Cilium a denial wins over every \
                             permission: the packets are dropped"
                        ),
                    )
                    .label("has no effect")
                    .related(denial.span, "denied here")
                    .help("narrow the denial; what no rule allows is dropped without one");
            }
        }
    }
}

/// The part of a denial that covers all that a rule allows with a peer.
fn covers<'n>(
    deny: &'n Rule,
    denier: &PlacedPolicy,
    peer: &Peer,
    rule: &Rule,
    policy: &PlacedPolicy,
) -> Option<&'n Peer> {
    let ports = match (&deny.ports, &rule.ports) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(_), Some(ports)) => ports.iter().all(|port| deny.takes_port(port) == Match::Yes),
    };
    if !ports {
        return None;
    }
    deny.peers.iter().flatten().find(|denied| match (&denied.who, &peer.who) {
        (Who::Entity(denied), Who::Entity(allowed)) => entity_covers(denied, allowed),
        (Who::Entity(denied), Who::Pods(_)) => matches!(denied.as_str(), "all" | "cluster"),
        (Who::Entity(denied), Who::Host(_) | Who::Addresses(_)) => matches!(denied.as_str(), "all" | "world"),
        (Who::Pods(denied), Who::Pods(allowed)) => pods_cover((denied, denier), (allowed, policy)),
        (Who::Addresses(denied), Who::Addresses(allowed)) => denied == allowed,
        _ => false,
    })
}

/// Whether all of one entity belongs to another.
/// Source: cilium/cilium, `pkg/policy/api/entity.go`.
fn entity_covers(denied: &str, allowed: &str) -> bool {
    let of_cluster = ["host", "remote-node", "health", "init", "unmanaged", "ingress"];
    denied == allowed
        || denied == "all"
        || denied == "cluster" && of_cluster.contains(&allowed)
        || denied == "world" && allowed.starts_with("world-")
}

/// Whether every condition of the denial is one of the permission too.
fn pods_cover((denied, denier): (&Selector, &PlacedPolicy), (allowed, policy): (&Selector, &PlacedPolicy)) -> bool {
    let namespaces = match (&denied.namespaces, &allowed.namespaces) {
        (Namespaces::Any, _) => true,
        (Namespaces::Own, Namespaces::Own) => denier.namespace == policy.namespace,
        (Namespaces::Own, Namespaces::Named(names)) => names.iter().all(|name| *name == denier.namespace),
        (Namespaces::Named(names), Namespaces::Own) => names.contains(&policy.namespace),
        (Namespaces::Named(denied), Namespaces::Named(allowed)) => allowed.iter().all(|name| denied.contains(name)),
        _ => false,
    };
    namespaces && denied.labels.requirements.iter().all(|condition| allowed.labels.requirements.contains(condition))
}
