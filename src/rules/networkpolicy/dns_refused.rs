//! See `rules/networkpolicy/networkpolicy-dns-refused.md`.

use super::destinations;
use crate::kubernetes::network_policy::{Direction, Match, Port, Who};
use crate::repository::Repository;
use crate::repository::network::{Group, Network, PlacedPolicy, Verdict};
use crate::rules::{Check, Findings};
use crate::source::Span;

pub(crate) const CHECK: Check = Check::Repository(check);

const DNS: u16 = 53;

/// So many policies may forget it, if none thinks of it.
const MOST_WITHOUT: usize = 3;

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let network = repository.network();
    let named = network.policies.iter().enumerate().filter_map(|(at, policy)| Some((at, policy, named_peer(policy)?)));
    let (refused, permitted): (Vec<_>, Vec<_>) =
        named.partition(|(at, policy, _)| !policy.namespace.is_empty() && is_refused(network, *at, policy));
    // Where none of many lets its pods ask, something that is not in this repository does.
    if permitted.is_empty() && refused.len() > MOST_WITHOUT {
        return;
    }
    for (_, policy, named) in refused {
        let message = format!(
            "{} closes the egress of its pods, and no rule lets them ask a DNS server: they can't resolve the names of \
             those they may talk to",
            policy.name(repository)
        );
        findings.about(repository.apps.get(policy.app), policy.object(repository));
        findings
            .report(policy.policy.egress.span, message)
            .label("nothing here allows port 53")
            .related(named, "reached by name")
            .help("allow egress to the cluster's DNS (`k8s-app: kube-dns` in `kube-system`) on port 53, UDP and TCP");
    }
}

/// A peer that is reached by its name: a host outside, or pods, which are behind a Service.
fn named_peer(policy: &PlacedPolicy) -> Option<Span> {
    let egress = &policy.policy.egress;
    let mut peers = egress.allow.iter().flat_map(|rule| rule.peers.iter().flatten());
    let named = |who: &Who| matches!(who, Who::Host(_) | Who::Pods(_));
    peers.find(|peer| egress.enforced && named(&peer.who)).map(|peer| peer.span)
}

/// Whether none of the pods that a policy is about may ask, and the policy is the first that closes their egress.
fn is_refused(network: &Network, at: usize, policy: &PlacedPolicy) -> bool {
    let ask = |protocol: &str| Port {
        number: Ok(DNS),
        last: None,
        protocol: Some(protocol.into()),
        span: policy.policy.egress.span,
    };
    let refused = |group: Group<'_>| {
        ["UDP", "TCP"].iter().all(|protocol| {
            let port = ask(protocol);
            let verdict = network.judge_by(Direction::Egress, group, Some(&port), destinations::name_server);
            matches!(verdict, Verdict::Denied(by) if by.first() == Some(&at))
        })
    };
    let subject = &policy.policy.subject;
    let known: Vec<Group<'_>> = network
        .pods_in(&policy.namespace)
        .filter(|pods| !pods.host_network && subject.labels.matches(&pods.labels) == Match::Yes)
        .map(|pods| pods.group())
        .collect();
    if !known.is_empty() {
        return known.into_iter().all(refused);
    }
    let cluster = policy.cluster.as_deref();
    let examples = subject.labels.examples(1);
    examples.iter().all(|labels| refused(Group { cluster, namespace: &policy.namespace, labels }))
}
