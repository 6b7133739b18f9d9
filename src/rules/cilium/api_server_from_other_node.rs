//! See `rules/cilium/cilium-api-server-from-other-node.md`.

use crate::kubernetes::network_policy::{Direction, Match, Peer, Port, Rule, Who};
use crate::repository::Repository;
use crate::repository::network::{Group, Verdict};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    if routes_natively(repository) {
        return;
    }
    let network = repository.network();
    for policy in &network.policies {
        let examples = policy.policy.subject.labels.examples(1);
        let Some(labels) = examples.first() else { continue };
        let group = Group { cluster: policy.cluster.as_deref(), namespace: &policy.namespace, labels };
        for rule in &policy.policy.ingress.allow {
            let Some(peer) = rule.peers.iter().flatten().find(|peer| is(peer, &["kube-apiserver"])) else { continue };
            let Some(port) = rule.ports.as_deref().and_then(<[Port]>::first) else { continue };
            let others = |_: &_, rule: &Rule| match &rule.peers {
                None => Match::Yes,
                Some(peers) if peers.iter().any(|peer| is(peer, &["all", "cluster", "remote-node"])) => Match::Yes,
                Some(peers) if peers.iter().any(|peer| matches!(peer.who, Who::Unknown)) => Match::Maybe,
                Some(_) => Match::No,
            };
            if network.judge_by(Direction::Ingress, group, Some(port), others) == Verdict::Open {
                continue;
            }
            let says = policy.name(repository);
            findings.about(repository.apps.get(policy.app), policy.object(repository));
            findings
                .report(
                    peer.span,
                    format!(
                        "{says} lets the API server in on port {port} as `kube-apiserver` only, but through Cilium's tunnel \
                         its calls from another node arrive as `remote-node`: they time out, and what the webhook or API \
                         behind the port has to answer is refused"
                    ),
                )
                .label("not an API server on another node")
                .help("add `remote-node` beside it, and `host` for one on the same node");
        }
    }
}

fn is(peer: &Peer, entities: &[&str]) -> bool {
    matches!(&peer.who, Who::Entity(entity) if entities.contains(&entity.as_str()))
}

/// Whether Cilium is told to leave packets their node's address, by which it knows the API server.
fn routes_natively(repository: &Repository) -> bool {
    let releases = repository.apps.iter().flat_map(|app| &app.releases);
    releases.filter(|release| release.chart.name == "cilium").any(|release| {
        release.values.str_at(&["routingMode"]) == Some("native")
            || release.values.str_at(&["tunnel"]) == Some("disabled")
    })
}
