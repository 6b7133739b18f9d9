//! See `rules/networkpolicy/networkpolicy-one-sided.md`.

use foldhash::{HashMap, HashMapExt};

use super::port_of_service::Services;
use super::words;
use crate::finding::Severity;
use crate::kubernetes::network_policy::{Direction, Match, Namespaces, PodLabels, Port, Rule, Selector, Who};
use crate::repository::Repository;
use crate::repository::network::{Group, Network, PlacedPolicy, Verdict};
use crate::rules::{Check, Findings};
use crate::source::Span;

pub(crate) const CHECK: Check = Check::Repository(check);

/// A selector with more combinations of values than this is judged by the first ones.
const MOST_EXAMPLES: usize = 32;

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let network = repository.network();
    if network.policies.is_empty() {
        return;
    }
    let services = Services::of(repository);
    for policy in &network.policies {
        for direction in [Direction::Egress, Direction::Ingress] {
            for one in one_sided(repository, &services, policy, direction) {
                report(&one, repository, network, findings);
            }
        }
    }
}

/// Traffic that one side allows and the other does not.
struct OneSided<'n> {
    /// The policy that allows it, the way it sees it, and where it says so.
    policy: &'n PlacedPolicy,
    direction: Direction,
    allowed_at: Span,
    /// The pods that it is about, as far as they are refused.
    near: Vec<PodLabels>,
    /// The other end.
    far: PodLabels,
    far_namespace: &'n str,
    /// The ports that are refused; empty for all.
    ports: Vec<&'n Port>,
    /// The policy at the other end that should allow it too.
    refusing: usize,
}

/// Pods that a policy means by one value of each label: the known ones, else whatever has these labels.
struct Class<'n> {
    labels: PodLabels,
    namespace: &'n str,
    cluster: Option<&'n str>,
    known: Vec<Group<'n>>,
}

impl Class<'_> {
    fn groups(&self) -> Vec<Group<'_>> {
        if self.known.is_empty() {
            vec![Group { cluster: self.cluster, namespace: self.namespace, labels: &self.labels }]
        } else {
            self.known.clone()
        }
    }
}

fn classes<'n>(
    network: &'n Network,
    selector: &Selector,
    policy: &'n PlacedPolicy,
    namespace: &'n str,
) -> Vec<Class<'n>> {
    let classes = selector.labels.examples(MOST_EXAMPLES).into_iter().map(|labels| {
        let has = |group: Group<'_>| {
            selector.labels.matches(group.labels) == Match::Yes
                && labels.known.iter().all(|(key, value)| {
                    value.is_none() || group.labels.known.iter().any(|(own, given)| own == key && given == value)
                })
        };
        let same_cluster = |group: Group<'_>| {
            group.cluster.is_none() || policy.cluster.is_none() || group.cluster == policy.cluster.as_deref()
        };
        // Policies do not hold on a node's own network.
        let pods = network.pods_in(namespace).filter(|pods| !pods.host_network).map(|pods| pods.group());
        let known = pods.filter(|group| same_cluster(*group) && has(*group)).collect();
        Class { labels, namespace, cluster: policy.cluster.as_deref(), known }
    });
    classes.collect()
}

fn one_sided<'n>(
    repository: &'n Repository,
    services: &Services<'n>,
    policy: &'n PlacedPolicy,
    direction: Direction,
) -> Vec<OneSided<'n>> {
    let network = repository.network();
    let subject = &policy.policy.subject;
    // Who speaks of all pods of a namespace seldom means each of them.
    if policy.namespace.is_empty() || !subject.labels.names_value() {
        return Vec::new();
    }
    let mut all: Vec<OneSided<'n>> = Vec::new();
    let mut places: HashMap<(String, &str, usize), usize> = HashMap::new();
    let near = classes(network, subject, policy, &policy.namespace);
    for rule in &policy.policy.side(direction).allow {
        for peer in rule.peers.as_deref().unwrap_or_default() {
            let Who::Pods(selector) = &peer.who else { continue };
            if !selector.labels.names_value() {
                continue;
            }
            let namespaces = match &selector.namespaces {
                Namespaces::Own => std::slice::from_ref(&policy.namespace),
                Namespaces::Named(names) => names.as_slice(),
                Namespaces::Any | Namespaces::Labelled(_) => continue,
            };
            for namespace in namespaces {
                // A Service's port opens nothing: `networkpolicy-port-of-service` tells of it, if nothing else is open.
                let (to, home) = match direction {
                    Direction::Egress => (selector, namespace),
                    Direction::Ingress => (subject, &policy.namespace),
                };
                let of_service = |port: &Port| match (&port.number, port.last) {
                    (Ok(number), None) => services.mistaken(repository, to, policy, home, *number).is_some(),
                    _ => false,
                };
                for far in classes(network, selector, policy, namespace) {
                    for near in &near {
                        for (port, refusing) in refused(network, direction.opposite(), near, &far, rule) {
                            if port.is_some_and(of_service) {
                                continue;
                            }
                            let key = (far.labels.to_string(), namespace.as_str(), refusing);
                            let at = *places.entry(key).or_insert_with(|| {
                                all.push(OneSided {
                                    policy,
                                    direction,
                                    allowed_at: peer.span,
                                    near: Vec::new(),
                                    far: far.labels.clone(),
                                    far_namespace: namespace,
                                    ports: Vec::new(),
                                    refusing,
                                });
                                all.len() - 1
                            });
                            let Some(one) = all.get_mut(at) else { continue };
                            if !one.near.contains(&near.labels) {
                                one.near.push(near.labels.clone());
                            }
                            one.ports.extend(
                                port.filter(|port| !one.ports.iter().any(|own| own.to_string() == port.to_string())),
                            );
                        }
                    }
                }
            }
        }
    }
    all
}

/// The ports of a rule that the far end refuses, with the policy there that should allow them.
fn refused<'n>(
    network: &Network,
    direction: Direction,
    near: &Class<'_>,
    far: &Class<'_>,
    rule: &'n Rule,
) -> Vec<(Option<&'n Port>, usize)> {
    let ports: Vec<Option<&Port>> = match &rule.ports {
        Some(ports) => ports.iter().map(Some).collect(),
        None => vec![None],
    };
    let mut all = Vec::new();
    for port in ports {
        let mut first = None;
        let denied = far.groups().into_iter().all(|far| {
            near.groups().into_iter().all(|near| match network.judge(direction, far, near, port) {
                Verdict::Open => false,
                Verdict::Denied(by) => {
                    first = first.or_else(|| best(network, direction, &by, near, port));
                    true
                }
            })
        });
        if let Some(policy) = first.filter(|_| denied) {
            all.push((port, policy));
        }
    }
    // Of pods whose ports are not known, the port that is written beside the right one is their Service's.
    let receiver = if direction == Direction::Ingress { far } else { near };
    if all.len() < rule.ports.as_ref().map_or(1, Vec::len) && receiver.known.is_empty() {
        all.retain(|(port, _)| !port.is_some_and(|port| matches!(port.number, Ok(80 | 443))));
    }
    all
}

/// Of the policies that hold for pods, the one that somebody would extend.
fn best(network: &Network, direction: Direction, by: &[usize], near: Group<'_>, port: Option<&Port>) -> Option<usize> {
    let fits = |at: usize| {
        let policy = network.policies.get(at)?;
        let rules = &policy.policy.side(direction).allow;
        let own = policy.policy.subject.labels.names_value() && !policy.namespace.is_empty();
        let speaks = rules.iter().any(|rule| {
            port.is_some_and(|port| rule.ports.is_some() && rule.takes_port(port) == Match::Yes)
                || rule.peers.iter().flatten().any(|peer| network.is_peer(peer, policy, near) == Match::Yes)
        });
        // Where only a rule for all namespaces holds, the pods may have policies elsewhere.
        own.then_some((speaks, !rules.is_empty()))
    };
    by.iter().copied().filter_map(|at| Some((fits(at)?, std::cmp::Reverse(at)))).max().map(|(_, at)| at.0)
}

fn report<'a>(one: &OneSided<'_>, repository: &'a Repository, network: &Network, findings: &mut Findings<'a>) {
    let Some(refusing) = network.policies.get(one.refusing) else { return };
    let direction = one.direction.opposite();
    let here = one.policy.namespace.as_str();
    let names: Vec<String> = one.near.iter().map(|labels| words::pods(labels, here, one.far_namespace)).collect();
    let near = words::listed(&names);
    let far = words::pods(&one.far, one.far_namespace, here);
    let ports = words::ports(&one.ports);
    let says = one.policy.name(repository);
    let other = refusing.name(repository);
    let message = match one.direction {
        Direction::Egress => format!(
            "{says} lets {near} send to {far} on {ports}, but no ingress rule for these lets it in: the packets are \
             dropped and connections time out"
        ),
        Direction::Ingress => format!(
            "{says} lets {far} in on {ports}, but no egress rule lets {far} send to {near}: the packets are dropped and \
             connections time out"
        ),
    };
    let (span, label, help) = place(one, network, refusing, direction, &near, &ports, &other);
    findings.about(repository.apps.get(refusing.app), refusing.object(repository));
    let finding = findings.report(span, message);
    finding.label(label).related(one.allowed_at, "allowed on this side").help(help);
    // A program with one pod, or one that calls itself within the pod, does not notice.
    if one.near.contains(&one.far) && one.far_namespace == one.policy.namespace {
        finding.severity(Severity::Info);
    }
}

/// Where somebody would write what is missing, what to say there, and what to do.
fn place(
    one: &OneSided<'_>,
    network: &Network,
    refusing: &PlacedPolicy,
    direction: Direction,
    near: &str,
    ports: &str,
    other: &str,
) -> (Span, String, String) {
    let side = refusing.policy.side(direction);
    let way = if direction == Direction::Ingress { "from" } else { "to" };
    let label = format!("nothing here allows {way} {near} on {ports}");
    let group = one.near.first().map(|labels| Group {
        cluster: one.policy.cluster.as_deref(),
        namespace: &one.policy.namespace,
        labels,
    });
    let admits = |rule: &&Rule| {
        let peers = rule.peers.iter().flatten();
        group.is_some_and(|group| {
            peers.clone().any(|peer| network.is_peer(peer, refusing, group) == Match::Yes) && rule.ports.is_some()
        })
    };
    if let Some(port) = side.allow.iter().find(admits).and_then(|rule| rule.ports.as_deref()?.last()) {
        return (port.span, label, format!("add {ports} here in {other}, or take it from the other side"));
    }
    let has_port = |rule: &&Rule| match one.ports.first() {
        Some(port) => rule.ports.is_some() && rule.takes_port(port) == Match::Yes,
        None => false,
    };
    // A list of pods is extended; one of addresses or entities takes no pods.
    let peers =
        side.allow.iter().filter(has_port).flat_map(|rule| rule.peers.as_deref().unwrap_or_default().iter().rev());
    let peer = peers.into_iter().find(|peer| matches!(peer.who, Who::Pods(_)));
    let span = peer.map_or(side.span, |peer| peer.span);
    (span, label, format!("allow {direction} {way} {near} on {ports} in {other}, or take the rule from the other side"))
}
