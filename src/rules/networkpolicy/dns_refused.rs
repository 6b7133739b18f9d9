//! See `rules/networkpolicy/networkpolicy-dns-refused.md`.

use super::destinations;
use crate::kubernetes::Pod;
use crate::kubernetes::network_policy::{Direction, Match, Port, Who};
use crate::repository::Repository;
use crate::repository::network::{Group, Network, PlacedPods, PlacedPolicy, Verdict};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

const DNS: u16 = 53;

/// So many policies may forget it, if none thinks of it.
const MOST_WITHOUT: usize = 3;

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let network = repository.network();
    let named = network.policies.iter().enumerate().filter_map(|(at, policy)| {
        let pods = pods_of(network, policy);
        let named = named_peer(policy).or_else(|| called_by_name(policy, &pods, repository))?;
        let ask_elsewhere = pods.iter().any(|pods| asks_elsewhere(pods, repository));
        (!ask_elsewhere).then_some((at, policy, named))
    });
    let (refused, permitted): (Vec<_>, Vec<_>) =
        named.partition(|(at, policy, _)| !policy.namespace.is_empty() && is_refused(network, *at, policy));
    // Where none of many lets its pods ask, something that is not in this repository does.
    if permitted.is_empty() && refused.len() > MOST_WITHOUT {
        return;
    }
    for (_, policy, named) in refused {
        let message = format!(
            "{} closes the egress of its pods, and no rule lets them ask the cluster's DNS server: they can't resolve the \
             names of those they may talk to",
            policy.name(repository)
        );
        findings.about(repository.apps.get(policy.app), policy.object(repository));
        findings
            .report(policy.policy.egress.span, message)
            .label("nothing here allows port 53 to it")
            .related(named, "reached by name")
            .help("allow egress to the cluster's DNS (`k8s-app: kube-dns` in `kube-system`) on port 53, UDP and TCP");
    }
}

/// The pods that a policy is about, as far as they are known.
fn pods_of<'n>(network: &'n Network, policy: &'n PlacedPolicy) -> Vec<&'n PlacedPods> {
    let labels = &policy.policy.subject.labels;
    let known = network.pods_in(&policy.namespace);
    known.filter(|pods| !pods.host_network && labels.matches(&pods.labels) == Match::Yes).collect()
}

fn pod<'a>(pods: &PlacedPods, repository: &'a Repository) -> Option<Pod<'a>> {
    Pod::of(repository.apps.get(pods.app)?.objects.get(pods.object)?)
}

/// Whether pods are told to ask other servers than the cluster's.
fn asks_elsewhere(pods: &PlacedPods, repository: &Repository) -> bool {
    let policy = pod(pods, repository).and_then(|pod| pod.spec.get("dnsPolicy")).filter(|policy| !policy.is_null());
    policy.is_some_and(|policy| !policy.as_str().is_some_and(|policy| policy.starts_with("ClusterFirst")))
}

/// Where pods that may talk to addresses only call a Service by its full name.
fn called_by_name(policy: &PlacedPolicy, pods: &[&PlacedPods], repository: &Repository) -> Option<Span> {
    let egress = &policy.policy.egress;
    let mut peers = egress.allow.iter().flat_map(|rule| rule.peers.iter().flatten());
    if !egress.enforced || !peers.any(|peer| matches!(peer.who, Who::Addresses(_))) {
        return None;
    }
    let is_name = |text: &str| {
        let mut ends = text.match_indices(".svc").filter_map(|(at, mark)| text.get(at + mark.len()..));
        ends.any(|end| end.is_empty() || end.starts_with([':', '/']) || end.starts_with(".cluster.local"))
    };
    // Lists of hosts that are not to be reached by a proxy name what is not called.
    let of_proxy = |name: &str| name.to_ascii_lowercase().contains("proxy");
    pods.iter().filter_map(|pods| pod(pods, repository)).flat_map(Pod::containers).find_map(|container| {
        let mut entries = container.node.get("env").map(Node::items).unwrap_or_default().iter();
        let called = |entry: &&Node| {
            !entry.str_at(&["name"]).is_some_and(of_proxy) && entry.str_at(&["value"]).is_some_and(is_name)
        };
        entries.find(called).and_then(|entry| entry.get("value")).map(|value| value.span)
    })
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
            let verdict = network.judge_by(Direction::Egress, group, Some(&port), destinations::own_name_server);
            matches!(verdict, Verdict::Denied(by) if by.first() == Some(&at))
        })
    };
    let subject = &policy.policy.subject;
    let known: Vec<Group<'_>> = pods_of(network, policy).into_iter().map(PlacedPods::group).collect();
    if !known.is_empty() {
        return known.into_iter().all(refused);
    }
    let cluster = policy.cluster.as_deref();
    let examples = subject.labels.examples(1);
    examples.iter().all(|labels| refused(Group { cluster, namespace: &policy.namespace, labels }))
}
