//! See `rules/cilium/cilium-deny-blocks-probes.md`.

use crate::finding::Severity;
use crate::kubernetes::Pod;
use crate::kubernetes::network_policy::{Match, Rule, Who};
use crate::repository::Repository;
use crate::repository::network::{Network, PlacedPolicy};
use crate::rules::{Check, Findings};
use crate::source::Span;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let network = repository.network();
    for policy in &network.policies {
        let ingress = &policy.policy.ingress;
        let Some((entity, span)) = ingress.deny.iter().filter(|rule| rule.ports.is_none()).find_map(denied_host) else {
            continue;
        };
        let allowed = allowed_host(policy);
        let probed = Probes::of(network, policy, repository);
        // Who denies `host` by name denies the kubelet above all; with `cluster` it may not be meant.
        let meant = match probed {
            Probes::Some(_) => true,
            Probes::None => allowed.is_some(),
            Probes::Unknown => allowed.is_some() || entity == "host",
        };
        if !meant {
            continue;
        }
        let object = policy.object(repository);
        let says = policy.name(repository);
        let what = match entity {
            "host" => "the node's own processes (`host`)".to_owned(),
            entity => format!("`{entity}`, of which the node's own processes are a part"),
        };
        let comes = match (allowed, &probed) {
            (Some(_), _) => {
                "the kubelet's probes are dropped although `host` is allowed, since a denial wins, and the pods \
                             are restarted or never become ready"
            }
            (None, Probes::Some(_)) => {
                "the kubelet's probes are dropped, and the pods are restarted or never become ready"
            }
            (None, _) => "if the pods have probes, the kubelet's requests are dropped, and they never become ready",
        };
        findings.about(repository.apps.get(policy.app), object);
        let finding = findings.report(ingress.deny_span, format!("{says} denies ingress from {what}: {comes}"));
        finding.label("denies the kubelet").related(span, format!("`{entity}` covers the pod's own node"));
        if let Some(allowed) = allowed {
            finding.related(allowed, "allowed here, without effect");
        }
        if let Probes::Some(span) = probed {
            finding.related(span, "its probes are requests of the kubelet");
        } else if allowed.is_none() {
            finding.severity(Severity::Info);
        }
        finding.help(
            "take the denial away: what no rule allows is dropped anyway, and without a denial the kubelet of the pod's node \
             gets through",
        );
    }
}

/// The entity in a rule that covers the kubelet of the pod's own node, and where it is written: by its own name, if it
/// has it.
fn denied_host(rule: &Rule) -> Option<(&str, Span)> {
    let named = |wanted: &str| {
        rule.peers.iter().flatten().find_map(|peer| match &peer.who {
            Who::Entity(entity) if entity == wanted => Some((entity.as_str(), peer.span)),
            _ => None,
        })
    };
    ["host", "cluster", "all"].into_iter().find_map(named)
}

/// Where the pods of a policy are opened to their node.
fn allowed_host(policy: &PlacedPolicy) -> Option<Span> {
    let rules = policy.policy.ingress.allow.iter();
    let mut peers = rules.flat_map(|rule| rule.peers.iter().flatten());
    peers.find(|peer| matches!(&peer.who, Who::Entity(entity) if entity == "host")).map(|peer| peer.span)
}

/// What is known of the probes of a policy's pods.
#[derive(PartialEq, Eq)]
enum Probes {
    /// Some program has one that is a request; its place.
    Some(Span),
    /// All pods are known, and have none.
    None,
    /// The pods are not known.
    Unknown,
}

impl Probes {
    fn of(network: &Network, policy: &PlacedPolicy, repository: &Repository) -> Self {
        let mut known = false;
        for pods in network.pods_in(&policy.namespace) {
            if pods.host_network || network.is_in(&policy.policy.subject, policy, pods.group()) != Match::Yes {
                continue;
            }
            let Some(object) = repository.apps.get(pods.app).and_then(|app| app.objects.get(pods.object)) else {
                continue;
            };
            // Argo gives the pods of sensors and workflows no probes.
            known |= object.id.group == "argoproj.io";
            let Some(pod) = Pod::of(object) else { continue };
            known = true;
            for container in pod.containers() {
                let probes = ["livenessProbe", "readinessProbe", "startupProbe"];
                let requests = ["httpGet", "tcpSocket", "grpc"];
                let probe = probes
                    .iter()
                    .filter_map(|probe| container.node.get(probe))
                    .find(|probe| requests.iter().any(|request| probe.get(request).is_some()));
                if let Some(probe) = probe {
                    return Self::Some(probe.span);
                }
            }
        }
        if known { Self::None } else { Self::Unknown }
    }
}
