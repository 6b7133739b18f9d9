//! `NetworkPolicy` of Kubernetes.
//!
//! Source: `NetworkPolicySpec` of k8s.io/api/networking/v1.

use compact_str::CompactString;

use super::{Dialect, LabelQuery, Namespaces, NetworkPolicy, Peer, Port, Requirement, Rule, Selector, Side, Test, Who};
use crate::kubernetes::Object;
use crate::source::Span;
use crate::yaml::Node;

/// The label that every namespace has with its own name.
pub(super) const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

pub(super) fn policy(object: &Object) -> Option<NetworkPolicy> {
    let spec = object.root.get("spec")?;
    let pods = spec.get("podSelector");
    let subject = Selector {
        labels: pods.map(query).unwrap_or_default(),
        namespaces: Namespaces::Own,
        span: pods.map_or_else(|| object.name_span(), |pods| pods.span),
    };
    let types = spec.get("policyTypes");
    let listed = |name| types.is_some_and(|types| types.items().iter().any(|node| node.as_text() == Some(name)));
    let has_egress = spec.get("egress").is_some_and(|egress| !egress.items().is_empty());
    let ingress = listed("Ingress") || types.is_none();
    let egress = listed("Egress") || types.is_none() && has_egress;
    Some(NetworkPolicy {
        dialect: Dialect::Kubernetes,
        subject,
        ingress: side(object, spec, ("ingress", "from"), ingress),
        egress: side(object, spec, ("egress", "to"), egress),
    })
}

fn side(object: &Object, spec: &Node, (key, peers): (&str, &str), enforced: bool) -> Side {
    let entry = spec.as_mapping().and_then(|spec| spec.entry(key));
    let rules = entry.map(|entry| entry.value.items()).unwrap_or_default();
    let span = entry.map_or_else(|| object.name_span(), |entry| entry.key.span);
    // The API server drops the rules of a direction that `policyTypes` leaves out: they do nothing.
    let allow = if enforced { rules.iter().map(|node| rule(node, peers)).collect() } else { Vec::new() };
    Side { enforced, span, allow, deny: Vec::new(), deny_span: span }
}

fn rule(node: &Node, key: &str) -> Rule {
    let list = |key: &str| node.get(key).filter(|list| !list.items().is_empty() || list.is_unknown());
    let peers = list(key).map(|list| match list.is_unknown() {
        true => vec![Peer { span: list.span, who: Who::Unknown }],
        false => list.items().iter().map(peer).collect(),
    });
    let ports = list("ports").filter(|list| !list.is_unknown()).map(|list| list.items().iter().map(port).collect());
    Rule { span: node.span, peers, ports, http: None }
}

fn peer(node: &Node) -> Peer {
    let address = node.at(&["ipBlock", "cidr"]).and_then(Node::as_text);
    let (pods, namespaces) = (node.get("podSelector"), node.get("namespaceSelector"));
    let who = if let Some(address) = address {
        Who::Addresses(address.into())
    } else if pods.is_some() || namespaces.is_some() {
        Who::Pods(Selector {
            labels: pods.map(query).unwrap_or_default(),
            namespaces: namespaces.map_or(Namespaces::Own, |node| of_labels(query(node))),
            span: pods.or(namespaces).map_or(node.span, |node| node.span),
        })
    } else {
        Who::Unknown
    };
    Peer { span: node.span, who }
}

/// The namespaces with such labels; by name, if that is all that is asked for.
fn of_labels(labels: LabelQuery) -> Namespaces {
    match labels.requirements.as_slice() {
        [] => Namespaces::Any,
        [Requirement { key, test: Test::In(names), .. }] if key == NAMESPACE_NAME => Namespaces::Named(names.clone()),
        _ => Namespaces::Labelled(labels),
    }
}

fn port(node: &Node) -> Port {
    let number = node.get("port");
    Port {
        number: match number {
            Some(number) => number_of(number),
            // Without a port every port of the protocol is meant.
            None => Ok(0),
        },
        last: node.get("endPort").and_then(Node::as_i64).and_then(|last| u16::try_from(last).ok()),
        protocol: Some(node.str_at(&["protocol"]).unwrap_or("TCP").to_uppercase().into()),
        span: number.map_or(node.span, |number| number.span),
    }
}

/// A port by number or by name.
pub(super) fn number_of(node: &Node) -> Result<u16, CompactString> {
    let text = node.as_text().unwrap_or_default();
    text.parse().map_err(|_| text.into())
}

/// The conditions of `matchLabels` and `matchExpressions`.
pub(super) fn query(node: &Node) -> LabelQuery {
    named_query(node, |key| key.into())
}

/// The same, with other names for the labels.
pub(super) fn named_query(node: &Node, name: impl Fn(&str) -> CompactString) -> LabelQuery {
    let unknown = |key: CompactString, span: Span| Requirement { key, test: Test::Unknown, span };
    if node.is_unknown() {
        return LabelQuery { requirements: vec![unknown(CompactString::default(), node.span)] };
    }
    let equal = node.get("matchLabels").map(Node::entries).unwrap_or_default().iter().map(|entry| {
        let key = name(&entry.key.text);
        match entry.value.value_text().filter(|text| is_settled(text) && !entry.value.is_unknown()) {
            Some(value) => Requirement { key, test: Test::In(vec![value.into()]), span: entry.value.span },
            None => unknown(key, entry.value.span),
        }
    });
    let others = node.get("matchExpressions").map(Node::items).unwrap_or_default().iter().map(|node| {
        let key = name(node.get("key").and_then(Node::as_text).unwrap_or_default());
        let texts = node.get("values").map(Node::items).unwrap_or_default().iter().map(Node::as_text);
        let values: Option<Vec<CompactString>> =
            texts.map(|text| text.filter(|text| is_settled(text)).map(CompactString::from)).collect();
        let test = match (node.str_at(&["operator"]), values) {
            (Some("In"), Some(values)) => Test::In(values),
            (Some("NotIn"), Some(values)) => Test::NotIn(values),
            (Some("Exists"), _) => Test::Exists,
            (Some("DoesNotExist"), _) => Test::Absent,
            _ => Test::Unknown,
        };
        Requirement { key, test, span: node.span }
    });
    LabelQuery { requirements: equal.chain(others).collect() }
}

/// Whether a label's value is no template any more.
fn is_settled(text: &str) -> bool {
    !text.contains('$') && !text.contains("{{")
}
