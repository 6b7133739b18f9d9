//! See `rules/networkpolicy/networkpolicy-port-of-service.md`.

use compact_str::CompactString;
use foldhash::{HashMap, HashMapExt};

use super::words;
use crate::kubernetes::network_policy::{
    Direction, LabelQuery, Match, Namespaces, PodLabels, Requirement, Rule, Selector, Test, Who,
};
use crate::kubernetes::{Object, Pod};
use crate::repository::Repository;
use crate::repository::network::{PlacedPods, PlacedPolicy};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let network = repository.network();
    if network.policies.is_empty() {
        return;
    }
    let services = Services::of(repository);
    for policy in &network.policies {
        for rule in &policy.policy.ingress.allow {
            judge(&policy.policy.subject, rule, policy, &services, repository, findings);
        }
        for rule in &policy.policy.side(Direction::Egress).allow {
            let pods = rule.peers.iter().flatten().filter_map(|peer| match &peer.who {
                Who::Pods(selector) => Some(selector),
                _ => None,
            });
            // Of several peers one may listen where another does not.
            let mut pods = pods.peekable();
            if let (Some(selector), None) = (pods.next(), pods.peek()) {
                judge(selector, rule, policy, &services, repository, findings);
            }
        }
    }
}

/// Looks at the ports of a rule as ports of the pods that a selector means.
fn judge<'a>(
    selector: &Selector,
    rule: &Rule,
    policy: &PlacedPolicy,
    services: &Services<'a>,
    repository: &'a Repository,
    findings: &mut Findings<'a>,
) {
    let namespace = match &selector.namespaces {
        Namespaces::Own => &policy.namespace,
        Namespaces::Named(names) if names.len() == 1 => match names.first() {
            Some(name) => name,
            None => return,
        },
        _ => return,
    };
    let Some(ports) = rule.ports.as_deref() else { return };
    if namespace.is_empty() || !selector.labels.names_value() {
        return;
    }
    for port in ports {
        let (Ok(number), None) = (&port.number, port.last) else { continue };
        let Some(found) = services.mistaken(repository, selector, policy, namespace, *number) else { continue };
        if ports
            .iter()
            .any(|other| found.targets.iter().any(|target| other.is(*target, "TCP") || other.is(*target, "UDP")))
        {
            continue;
        }
        let targets: Vec<String> = found.targets.iter().map(ToString::to_string).collect();
        let targets = words::listed(&targets);
        findings.about(repository.apps.get(policy.app), policy.object(repository));
        findings
            .report(
                port.span,
                format!(
                    "{} names port {number}, which is the port of Service `{}`; its pods listen on {targets}, and policies \
                     are applied to the ports of pods: the packets are dropped",
                    policy.name(repository),
                    found.service.id.name
                ),
            )
            .label("the Service's port")
            .related(found.span, format!("leads to {targets}"))
            .help(format!("write {targets}"));
    }
}

/// A Service whose port was taken for that of its pods.
pub(super) struct Mistaken<'a> {
    service: &'a Object,
    span: Span,
    targets: Vec<u16>,
}

/// The Services of the repository by namespace, with their selectors.
pub(super) struct Services<'a>(HashMap<CompactString, Vec<(&'a Object, LabelQuery)>>);

impl<'a> Services<'a> {
    pub(super) fn of(repository: &'a Repository) -> Self {
        let mut all: HashMap<CompactString, Vec<(&Object, LabelQuery)>> = HashMap::new();
        for (app, object) in repository.objects_of("", "Service") {
            let selector = object.root.at(&["spec", "selector"]).map(Node::entries).unwrap_or_default();
            let requirements: Vec<Requirement> = selector
                .iter()
                .map(|entry| Requirement {
                    key: entry.key.text.clone(),
                    test: entry.value.as_text().map_or(Test::Unknown, |value| Test::In(vec![value.into()])),
                    span: entry.value.span,
                })
                .collect();
            let namespace = CompactString::from(repository.home_of(app, object));
            if !requirements.is_empty() && !namespace.is_empty() {
                all.entry(namespace).or_default().push((object, LabelQuery { requirements }));
            }
        }
        Self(all)
    }

    /// The Service that has this port, if its pods listen on another and nothing is known to listen on this one.
    pub(super) fn mistaken(
        &self,
        repository: &Repository,
        selector: &Selector,
        policy: &PlacedPolicy,
        namespace: &str,
        number: u16,
    ) -> Option<Mistaken<'a>> {
        let services = self.0.get(namespace)?;
        let network = repository.network();
        let meant = |pods: &&PlacedPods| network.is_in(selector, policy, pods.group()) != Match::No;
        let pods: Vec<&PlacedPods> = network.pods_in(namespace).filter(meant).collect();
        let declared = declared(&pods, repository)?;
        if declared.iter().any(|(port, _)| *port == number) {
            return None;
        }
        let examples = selector.labels.examples(1);
        let labels: Vec<&PodLabels> =
            if pods.is_empty() { examples.iter().collect() } else { pods.iter().map(|pods| &pods.labels).collect() };
        let mut found: Option<Mistaken<'a>> = None;
        for (service, query) in services {
            let leads = labels.iter().map(|labels| query.matches(labels));
            // With a Service that may or may not lead to these pods nothing is sure.
            match (leads.clone().min()?, leads.max()?) {
                (_, Match::No) => continue,
                (Match::Yes, _) => {}
                _ => return None,
            }
            for port in service.root.at(&["spec", "ports"]).map(Node::items).unwrap_or_default() {
                let own = port.get("port").and_then(Node::as_i64).and_then(|port| u16::try_from(port).ok());
                let target = match port.get("targetPort") {
                    Some(node) => (node, target(node, &declared)),
                    None => (port, own),
                };
                match target {
                    (_, Some(target)) if target == number => return None,
                    (node, Some(target)) if own == Some(number) => {
                        let found = found.get_or_insert(Mistaken { service, span: node.span, targets: Vec::new() });
                        if !found.targets.contains(&target) {
                            found.targets.push(target);
                        }
                    }
                    // A name may stand for any number.
                    (_, None) => return None,
                    _ => {}
                }
            }
        }
        found
    }
}

/// The ports that the containers of pods declare, with their names; `None` if some pods are not defined here.
fn declared<'a>(pods: &[&PlacedPods], repository: &'a Repository) -> Option<Vec<(u16, Option<&'a str>)>> {
    let mut declared = Vec::new();
    for pods in pods {
        let pod = Pod::of(repository.apps.get(pods.app)?.objects.get(pods.object)?)?;
        for port in
            pod.containers().flat_map(|container| container.node.get("ports").map(Node::items).unwrap_or_default())
        {
            let number = port.get("containerPort").and_then(Node::as_i64).and_then(|port| u16::try_from(port).ok())?;
            declared.push((number, port.get("name").and_then(Node::as_text)));
        }
    }
    Some(declared)
}

/// The number of a `targetPort`, if it is one, or the name of a port that is declared.
fn target(node: &Node, declared: &[(u16, Option<&str>)]) -> Option<u16> {
    let text = node.as_text()?;
    let named = || declared.iter().find(|(_, name)| *name == Some(text)).map(|(number, _)| *number);
    text.parse().ok().or_else(named)
}
