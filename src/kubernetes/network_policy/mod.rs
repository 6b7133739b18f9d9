//! Network policies in one model: which pods they are about, and whom these may talk to on which ports.
//!
//! Read from `NetworkPolicy`, `CiliumNetworkPolicy` and `CiliumClusterwideNetworkPolicy`. What a policy says that can't
//! be known or is of no use here becomes a peer of unknown kind, which may be anybody. Left out: what happens above
//! ports (HTTP and Kafka rules, but that there are some), policies for hosts, AdminNetworkPolicy, Calico's policies.

mod cilium;
mod labels;
mod standard;

use compact_str::CompactString;

pub use self::labels::{LabelQuery, Match, PodLabels, Requirement, Test};
use super::Object;
use crate::source::Span;

/// One policy, or one of a Cilium policy's `specs`.
#[derive(Clone, Debug)]
pub struct NetworkPolicy {
    /// Whose policy it is.
    pub dialect: Dialect,
    /// The pods that it is about.
    pub subject: Selector,
    /// What they may be sent.
    pub ingress: Side,
    /// What they may send.
    pub egress: Side,
}

/// Who reads a policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// Any network plugin.
    Kubernetes,
    /// Cilium.
    Cilium,
}

/// A way of traffic, as the pod sees it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// To the pod.
    Ingress,
    /// From the pod.
    Egress,
}

/// What a policy says of one direction.
#[derive(Clone, Debug)]
pub struct Side {
    /// Whether what no policy allows is dropped because of this policy.
    pub enforced: bool,
    /// Where the rules are written: their key, else the policy's name or spec.
    pub span: Span,
    /// What is allowed.
    pub allow: Vec<Rule>,
    /// What is denied, whatever any policy allows.
    pub deny: Vec<Rule>,
    /// Where the denials are written.
    pub deny_span: Span,
}

/// Peers and ports that are allowed or denied together.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The rule.
    pub span: Span,
    /// With whom; `None` for anybody.
    pub peers: Option<Vec<Peer>>,
    /// On which ports; `None` for all.
    pub ports: Option<Vec<Port>>,
    /// Where its HTTP rules are written, if it has some and Cilium does not end the encryption itself.
    pub http: Option<Span>,
}

/// Somebody to talk to.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where it is written.
    pub span: Span,
    /// Who.
    pub who: Who,
}

/// Who somebody is.
#[derive(Clone, Debug)]
pub enum Who {
    /// Pods.
    Pods(Selector),
    /// One of Cilium's entities, such as `world`.
    Entity(CompactString),
    /// Addresses.
    Addresses(CompactString),
    /// Hosts outside, by a name that may hold `*`.
    Host(CompactString),
    /// A Service, a cloud's group, a node, or what can't be known.
    Unknown,
}

/// Pods by labels and namespaces.
#[derive(Clone, Debug)]
pub struct Selector {
    /// What their labels are.
    pub labels: LabelQuery,
    /// Where they are.
    pub namespaces: Namespaces,
    /// Where the selector is written.
    pub span: Span,
}

/// Namespaces that a selector speaks of.
#[derive(Clone, Debug)]
pub enum Namespaces {
    /// That of the policy.
    Own,
    /// Every one.
    Any,
    /// These.
    Named(Vec<CompactString>),
    /// Those with such labels.
    Labelled(LabelQuery),
}

/// Ports of pods.
#[derive(Clone, Debug)]
pub struct Port {
    /// First number, or a port's name.
    pub number: Result<u16, CompactString>,
    /// Last number of a range.
    pub last: Option<u16>,
    /// Protocol in capitals; `None` for any.
    pub protocol: Option<CompactString>,
    /// Where it is written.
    pub span: Span,
}

impl NetworkPolicy {
    /// The policies that an object holds; none if it is of another kind or can't be read.
    pub fn of(object: &Object) -> Vec<Self> {
        match (object.id.group.as_str(), object.id.kind.as_str()) {
            ("networking.k8s.io" | "extensions", "NetworkPolicy") => standard::policy(object).into_iter().collect(),
            ("cilium.io", "CiliumNetworkPolicy" | "CiliumClusterwideNetworkPolicy") => cilium::policies(object),
            _ => Vec::new(),
        }
    }

    /// What it says of a direction.
    pub fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

impl Direction {
    /// The way as the other end sees it.
    pub fn opposite(self) -> Self {
        match self {
            Self::Ingress => Self::Egress,
            Self::Egress => Self::Ingress,
        }
    }
}

impl std::fmt::Display for Direction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        })
    }
}

impl Port {
    /// Whether what is sent to `port` passes here: a name may stand for any number.
    pub fn takes(&self, port: &Port) -> Match {
        let same_protocol = match (&self.protocol, &port.protocol) {
            (Some(own), Some(theirs)) => own == theirs,
            _ => true,
        };
        if !same_protocol {
            return Match::No;
        }
        match (&self.number, &port.number) {
            // Cilium reads 0 as every port.
            (Ok(0), _) => Match::Yes,
            (Ok(first), Ok(number)) => {
                let last = self.last.unwrap_or(*first);
                let theirs = port.last.unwrap_or(*number);
                match (*first..=last).contains(number) && theirs <= last {
                    true => Match::Yes,
                    // Of a range only a part may pass.
                    false if *number <= last && *first <= theirs => Match::Maybe,
                    false => Match::No,
                }
            }
            (Err(own), Err(theirs)) if own == theirs => Match::Yes,
            _ => Match::Maybe,
        }
    }

    /// Whether it is this one number of a protocol.
    pub fn is(&self, number: u16, protocol: &str) -> bool {
        let wanted = Port { number: Ok(number), last: None, protocol: Some(protocol.into()), span: self.span };
        self.takes(&wanted) != Match::No
    }
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.number {
            Ok(number) => write!(f, "{number}")?,
            Err(name) => f.write_str(name)?,
        }
        if let Some(last) = self.last {
            write!(f, "-{last}")?;
        }
        match self.protocol.as_deref() {
            None | Some("TCP") => Ok(()),
            Some(protocol) => write!(f, "/{protocol}"),
        }
    }
}

impl Rule {
    /// Whether the rule speaks of a port.
    pub fn takes_port(&self, port: &Port) -> Match {
        match &self.ports {
            None => Match::Yes,
            Some(ports) => ports.iter().map(|own| own.takes(port)).max().unwrap_or(Match::No),
        }
    }
}
