//! `CiliumNetworkPolicy` and `CiliumClusterwideNetworkPolicy`.
//!
//! Source: `pkg/policy/api` of cilium/cilium, and its documentation of policies.

use compact_str::CompactString;

use super::standard::{NAMESPACE_NAME, named_query, number_of};
use super::{Dialect, LabelQuery, Namespaces, NetworkPolicy, Peer, Port, Requirement, Rule, Selector, Side, Test, Who};
use crate::kubernetes::Object;
use crate::yaml::Node;

/// The label in which Cilium keeps a pod's namespace.
const NAMESPACE: &str = "io.kubernetes.pod.namespace";

/// Start of the labels in which Cilium keeps those of a pod's namespace.
const NAMESPACE_LABELS: &str = "io.cilium.k8s.namespace.labels.";

/// Every pod has it, with the name of its cluster.
const CLUSTER: &str = "io.cilium.k8s.policy.cluster";

pub(super) fn policies(object: &Object) -> Vec<NetworkPolicy> {
    let clusterwide = object.id.kind == "CiliumClusterwideNetworkPolicy";
    let specs = object.root.get("specs").map(Node::items).unwrap_or_default();
    object.root.get("spec").into_iter().chain(specs).filter_map(|spec| policy(object, spec, clusterwide)).collect()
}

fn policy(object: &Object, spec: &Node, clusterwide: bool) -> Option<NetworkPolicy> {
    // A policy with a `nodeSelector` is about hosts.
    let pods = spec.get("endpointSelector")?;
    let Who::Pods(mut subject) = pods_of(pods, clusterwide) else { return None };
    if !clusterwide {
        subject.namespaces = Namespaces::Own;
    }
    Some(NetworkPolicy {
        dialect: Dialect::Cilium,
        subject,
        ingress: side(object, spec, Keys { rules: "ingress", deny: "ingressDeny", start: "from" }, clusterwide),
        egress: side(object, spec, Keys { rules: "egress", deny: "egressDeny", start: "to" }, clusterwide),
    })
}

/// The names of one direction's fields.
struct Keys {
    rules: &'static str,
    deny: &'static str,
    start: &'static str,
}

fn side(object: &Object, spec: &Node, keys: Keys, clusterwide: bool) -> Side {
    let read = |key| {
        let entry = spec.as_mapping().and_then(|spec| spec.entry(key));
        let rules = entry.map(|entry| entry.value.items()).unwrap_or_default();
        let list: Vec<Rule> = rules.iter().map(|node| rule(node, keys.start, clusterwide)).collect();
        (list, entry.map_or_else(|| object.name_span(), |entry| entry.key.span))
    };
    let ((allow, span), (deny, deny_span)) = (read(keys.rules), read(keys.deny));
    let told = spec.at(&["enableDefaultDeny", keys.rules]).and_then(Node::as_bool);
    Side { enforced: told.unwrap_or(!allow.is_empty() || !deny.is_empty()), span, allow, deny, deny_span }
}

fn rule(node: &Node, start: &str, clusterwide: bool) -> Rule {
    let mut peers: Option<Vec<Peer>> = None;
    for entry in node.entries() {
        let Some(kind) = entry.key.text.strip_prefix(start) else { continue };
        if kind == "Ports" {
            continue;
        }
        let list = peers.get_or_insert_default();
        if entry.value.is_unknown() {
            list.push(Peer { span: entry.value.span, who: Who::Unknown });
        }
        list.extend(entry.value.items().iter().map(|node| Peer { span: node.span, who: who(node, kind, clusterwide) }));
    }
    let lists = node.get("toPorts").map(Node::items).unwrap_or_default();
    let ports = lists.iter().flat_map(|list| list.get("ports").map(Node::items).unwrap_or_default());
    let ports: Vec<Port> = ports.map(port).collect();
    // An empty rule allows nothing; it only makes the direction enforced.
    if node.entries().is_empty() {
        peers = Some(Vec::new());
    }
    let opened = |list: &Node| list.get("terminatingTLS").is_some() || list.get("originatingTLS").is_some();
    let http = |list: &Node| {
        let rules = list.get("rules")?.as_mapping()?.entry("http")?;
        (!opened(list)).then_some(rules.key.span)
    };
    let ports = if ports.is_empty() { None } else { Some(ports) };
    Rule { span: node.span, peers, ports, http: lists.iter().find_map(http) }
}

fn who(node: &Node, kind: &str, clusterwide: bool) -> Who {
    let text = |node: &Node| node.as_text().map(CompactString::from);
    let known = match kind {
        "Endpoints" => Some(pods_of(node, clusterwide)),
        "Entities" => text(node).map(Who::Entity),
        "CIDR" => text(node).map(Who::Addresses),
        "CIDRSet" => node.get("cidr").and_then(text).map(Who::Addresses),
        "FQDNs" => node.get("matchName").or_else(|| node.get("matchPattern")).and_then(text).map(Who::Host),
        _ => None,
    };
    known.unwrap_or(Who::Unknown)
}

fn port(node: &Node) -> Port {
    let number = node.get("port");
    let protocol = node.str_at(&["protocol"]).map(str::to_uppercase).filter(|protocol| protocol != "ANY");
    Port {
        number: number.map_or(Ok(0), number_of),
        last: node.get("endPort").and_then(Node::as_i64).and_then(|last| u16::try_from(last).ok()),
        protocol: protocol.map(CompactString::from),
        span: number.map_or(node.span, |number| number.span),
    }
}

/// The pods of an endpoint selector, or the entity that its labels stand for.
fn pods_of(node: &Node, clusterwide: bool) -> Who {
    // Labels may say where they come from: `k8s:app`.
    let plain = |key: &str| {
        let key = key.strip_prefix("k8s:").or_else(|| key.strip_prefix("any:")).unwrap_or(key);
        CompactString::from(key)
    };
    let all = named_query(node, plain);
    if let Some(entity) = all.requirements.iter().find_map(|requirement| requirement.key.strip_prefix("reserved:")) {
        return Who::Entity(entity.into());
    }
    let mut labels = LabelQuery::default();
    let mut of_namespace = LabelQuery::default();
    for mut requirement in all.requirements {
        let label = requirement.key.strip_prefix(NAMESPACE_LABELS).map(CompactString::from);
        if requirement.key == NAMESPACE {
            requirement.key = NAMESPACE_NAME.into();
            of_namespace.requirements.push(requirement);
        } else if let Some(label) = label {
            requirement.key = label;
            of_namespace.requirements.push(requirement);
        } else if requirement.key != CLUSTER {
            labels.requirements.push(requirement);
        }
    }
    let namespaces = match of_namespace.requirements.as_slice() {
        [] if clusterwide => Namespaces::Any,
        [] => Namespaces::Own,
        [Requirement { key, test: Test::In(names), .. }] if key == NAMESPACE_NAME => Namespaces::Named(names.clone()),
        [Requirement { key, test: Test::Exists, .. }] if key == NAMESPACE_NAME => Namespaces::Any,
        _ => Namespaces::Labelled(of_namespace),
    };
    Who::Pods(Selector { labels, namespaces, span: node.span })
}
