//! See `rules/networkpolicy/networkpolicy-eventbus-client-refused.md`.

use crate::kubernetes::network_policy::{Direction, Match, PodLabels, Port};
use crate::repository::Repository;
use crate::repository::network::{Group, Network, Verdict};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// The port on which an EventBus takes clients, with JetStream and with NATS streaming alike.
/// Source: argo-events, `controllers/eventbus/installer`.
const CLIENTS: u16 = 4222;

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let network = repository.network();
    for pods in &network.pods {
        let Some(app) = repository.apps.get(pods.app) else { continue };
        let Some(object) = app.objects.get(pods.object) else { continue };
        if object.id.group != "argoproj.io" || !matches!(&*object.id.kind, "Sensor" | "EventSource") {
            continue;
        }
        let bus = object.root.at(&["spec", "eventBusName"]).map_or(Some("default"), Node::as_text);
        let Some(bus) = bus else { continue };
        let mut labels = PodLabels::default();
        labels.set("eventbus-name", Some(bus.into()));
        let far = Group { labels: &labels, ..pods.group() };
        let port = Port { number: Ok(CLIENTS), last: None, protocol: Some("TCP".into()), span: pods.span };
        let near = pods.group();
        let sends = network.judge(Direction::Egress, near, far, Some(&port));
        let taken = network.judge(Direction::Ingress, far, near, Some(&port));
        // A policy that is there to let it send makes this a matter between two policies.
        let own = network.selecting(near).any(|(_, policy, selected)| {
            selected == Match::Yes && !policy.namespace.is_empty() && policy.policy.egress.enforced
        });
        let (verdict, direction) = match (sends, taken) {
            (Verdict::Open, Verdict::Denied(by)) if !own => (by, Direction::Ingress),
            (Verdict::Denied(_), Verdict::Denied(by)) => (by, Direction::Ingress),
            (Verdict::Denied(by), Verdict::Open) => (by, Direction::Egress),
            _ => continue,
        };
        let Some((policy, span)) = place(network, &verdict, direction, &port) else { continue };
        let (what, name) = (&object.id.kind, &object.id.name);
        let message = match direction {
            Direction::Ingress => format!(
                "no ingress rule of EventBus `{bus}` lets {what} `{name}` in on port {CLIENTS}: its pod can't connect, \
                 restarts again and again, and no event gets through"
            ),
            Direction::Egress => format!(
                "no egress rule lets {what} `{name}` send to EventBus `{bus}` on port {CLIENTS}: its pod can't connect, \
                 restarts again and again, and no event gets through"
            ),
        };
        let says = policy.name(repository);
        let key = format!("{}-name: {name}", what.to_lowercase());
        findings.about(Some(app), Some(object));
        let finding = findings.report(span, message);
        finding.label(format!("{what} `{name}` is not among these")).related(object.name_span(), "needs the EventBus");
        finding.help(match direction {
            Direction::Ingress => format!("add `{key}` here in {says}, and let the pod send as the others may"),
            Direction::Egress => format!("let pods with `{key}` send to `eventbus-name: {bus}` on port {CLIENTS}"),
        });
    }
}

/// The policy that somebody would extend, and where.
fn place<'n>(
    network: &'n Network,
    by: &[usize],
    direction: Direction,
    port: &Port,
) -> Option<(&'n crate::repository::network::PlacedPolicy, Span)> {
    let policies = || by.iter().filter_map(|at| network.policies.get(*at));
    let fitting = policies().find_map(|policy| {
        let side = policy.policy.side(direction);
        let rule = side.allow.iter().find(|rule| rule.ports.is_some() && rule.takes_port(port) == Match::Yes)?;
        Some((policy, rule.peers.as_deref()?.last()?.span))
    });
    fitting.or_else(|| policies().map(|policy| (policy, policy.policy.side(direction).span)).next())
}
