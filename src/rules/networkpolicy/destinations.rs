//! Whether a rule lets pods reach what is no pod: the API server, DNS, hosts outside.

use crate::kubernetes::network_policy::{Dialect, Match, Namespaces, Peer, Port, Rule, Selector, Who};
use crate::repository::network::PlacedPolicy;

/// Whether a rule is about one of its peers, as `is` says; a rule for anybody is.
fn any(rule: &Rule, is: impl Fn(&Peer) -> Match) -> Match {
    match &rule.peers {
        None => Match::Yes,
        Some(peers) => peers.iter().map(is).max().unwrap_or(Match::No),
    }
}

/// Whether a rule lets pods reach the API server, on whatever port that has: not on that of DNS. Its address belongs to a node or a load balancer, which Cilium calls
/// `kube-apiserver`, `host` or `remote-node`.
pub(super) fn api_server(_: &PlacedPolicy, rule: &Rule) -> Match {
    let is_dns = |port: &Port| port.last.is_none() && matches!(port.number, Ok(53 | 5353));
    if rule.ports.as_ref().is_some_and(|ports| !ports.is_empty() && ports.iter().all(is_dns)) {
        return Match::No;
    }
    any(rule, |peer| match &peer.who {
        Who::Entity(entity) => match entity.as_str() {
            "all" | "cluster" | "kube-apiserver" | "host" | "remote-node" => Match::Yes,
            _ => Match::No,
        },
        Who::Pods(selector) => {
            let labels = selector.labels.to_string();
            let other = selector.labels.names_program() && !labels.contains("apiserver");
            from(!other && includes(selector, &["default", "kube-system"]), Match::Maybe)
        }
        // Pods call it by its address, so that no name opens it; where it is outside of the cluster, its address may.
        Who::Host(_) => Match::No,
        Who::Addresses(_) | Who::Unknown => Match::Maybe,
    })
}

/// Whether a rule lets pods ask a DNS server; the port is judged apart.
pub(super) fn name_server(policy: &PlacedPolicy, rule: &Rule) -> Match {
    any(rule, |peer| match &peer.who {
        Who::Entity(entity) => match entity.as_str() {
            "none" | "ingress" | "init" | "health" => Match::No,
            _ => Match::Yes,
        },
        // Who opens the port opens it for this.
        Who::Pods(_) if rule.ports.is_some() => Match::Yes,
        Who::Pods(selector) => {
            let own = matches!(selector.namespaces, Namespaces::Own) && policy.namespace == "kube-system";
            from(own || includes(selector, &["kube-system"]), Match::Maybe)
        }
        Who::Host(_) => Match::No,
        Who::Addresses(_) | Who::Unknown => Match::Maybe,
    })
}

/// The same for the cluster's own DNS server.
pub(super) fn own_name_server(policy: &PlacedPolicy, rule: &Rule) -> Match {
    let is_public = |peer: &Peer| match &peer.who {
        Who::Addresses(range) => PUBLIC_SERVERS.contains(&range.trim_end_matches("/32")),
        _ => false,
    };
    let only_public = rule.peers.as_ref().is_some_and(|peers| peers.iter().all(is_public));
    // A public server does not know the names of the cluster.
    if only_public { Match::No } else { name_server(policy, rule) }
}

/// DNS servers for everybody.
const PUBLIC_SERVERS: [&str; 8] =
    ["8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "149.112.112.112", "208.67.222.222", "208.67.220.220"];

/// Whether a rule lets pods reach a host outside.
pub(crate) fn host(rule: &Rule, name: &str) -> Match {
    any(rule, |peer| match &peer.who {
        Who::Entity(entity) => from(matches!(entity.as_str(), "all" | "world" | "world-ipv4"), Match::Yes),
        Who::Host(pattern) => from(matches_host(pattern, name), Match::Yes),
        // An address of its own may be the host's.
        Who::Addresses(_) | Who::Unknown => Match::Maybe,
        Who::Pods(_) => Match::No,
    })
}

/// Whether a rule may lead to pods of a namespace.
pub(super) fn namespace(policy: &PlacedPolicy, rule: &Rule, name: &str) -> Match {
    any(rule, |peer| match &peer.who {
        Who::Entity(entity) => from(matches!(entity.as_str(), "all" | "cluster"), Match::Yes),
        Who::Pods(selector) => {
            let own = matches!(selector.namespaces, Namespaces::Own) && policy.namespace == name;
            from(own || includes(selector, &[name]), Match::Yes)
        }
        Who::Addresses(_) => from(policy.policy.dialect == Dialect::Kubernetes, Match::Maybe),
        Who::Host(_) => Match::No,
        Who::Unknown => Match::Maybe,
    })
}

fn from(holds: bool, then: Match) -> Match {
    if holds { then } else { Match::No }
}

/// Whether a selector may mean pods of one of these namespaces, by name or otherwise.
fn includes(selector: &Selector, namespaces: &[&str]) -> bool {
    match &selector.namespaces {
        Namespaces::Own => false,
        Namespaces::Any | Namespaces::Labelled(_) => true,
        Namespaces::Named(names) => names.iter().any(|name| namespaces.contains(&name.as_str())),
    }
}

/// Whether a name fits a pattern of `toFQDNs`: `*` stands for any part of one label, alone for everything; `**.` at the
/// start for any number of labels.
/// Source: cilium/cilium, `pkg/fqdn/matchpattern`.
pub(crate) fn matches_host(pattern: &str, name: &str) -> bool {
    let pattern = pattern.trim_end_matches('.').to_lowercase();
    let name = name.trim_end_matches('.').to_lowercase();
    if pattern == "*" || pattern.contains("${") {
        return true;
    }
    if let Some(end) = pattern.strip_prefix("**.") {
        return name.strip_suffix(end).is_some_and(|start| start.ends_with('.'));
    }
    let (own, theirs): (Vec<&str>, Vec<&str>) = (pattern.split('.').collect(), name.split('.').collect());
    own.len() == theirs.len() && own.iter().zip(theirs).all(|(own, theirs)| matches_label(own, theirs))
}

/// Whether one label fits a pattern with `*` for any text.
fn matches_label(pattern: &str, label: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| label.strip_prefix(start)) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(part) = last.replace(part) {
            let Some((_, after)) = rest.split_once(part) else { return false };
            rest = after;
        }
    }
    last.map_or(rest.is_empty(), |end| rest.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_within_labels() {
        let cases = [
            ("*.example.org", "www.example.org", true),
            ("*.example.org", "example.org", false),
            ("*.example.org", "a.b.example.org", false),
            ("**.example.org", "a.b.example.org", true),
            ("**.example.org", "example.org", false),
            ("api-*.example.org", "api-7.example.org", true),
            ("api-*-x.example.org", "api-7-y.example.org", false),
            ("a*b*c.org", "aXbYc.org", true),
            ("example.org", "Example.org.", true),
            ("*", "anything.example.org", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(matches_host(pattern, name), expected, "{pattern} {name}");
        }
    }
}
