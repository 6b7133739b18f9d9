//! See `rules/cilium/cilium-node-address-in-cidr.md`.

use core::net::IpAddr;
use std::collections::BTreeMap;

use crate::helm::Release;
use crate::kubernetes::network_policy::{Dialect, Direction, Match, Peer, Rule, Who};
use crate::kubernetes::{ObjectId, Pod};
use crate::repository::Repository;
use crate::repository::belonging::Belonging;
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// Components of the control plane whose addresses the kube-prometheus-stack chart is given.
const SCRAPED: [&str; 4] = ["kubeEtcd", "kubeControllerManager", "kubeScheduler", "kubeProxy"];

/// More addresses of one rule are not shown.
const MOST_PLACES: usize = 4;

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let network = repository.network();
    let has_addresses = |rule: &Rule| rule.peers.iter().flatten().any(|peer| matches!(peer.who, Who::Addresses(_)));
    let policies = || network.policies.iter().filter(|policy| policy.policy.dialect == Dialect::Cilium);
    let rules = |direction| policies().flat_map(move |policy| &policy.policy.side(direction).allow);
    let any = [Direction::Ingress, Direction::Egress].into_iter().flat_map(rules).any(has_addresses);
    if !any || matches_nodes(repository) {
        return;
    }
    let nodes = nodes(repository);
    for policy in policies() {
        for direction in [Direction::Ingress, Direction::Egress] {
            let side = policy.policy.side(direction);
            for rule in &side.allow {
                let found: Vec<(&Peer, IpAddr, Span)> = rule
                    .peers
                    .iter()
                    .flatten()
                    .filter_map(|peer| {
                        let Who::Addresses(text) = &peer.who else { return None };
                        let address = single(text)?;
                        let place = |span: Span| repository.files.sources.file(span.file).path.clone();
                        let is_own =
                            |told: &&Span| Belonging::of(&place(**told), &place(peer.span)) != Belonging::Other;
                        Some((peer, address, *nodes.get(&address)?.iter().find(is_own)?))
                    })
                    .collect();
                let Some((first, address, told)) = found.first() else { continue };
                if side.allow.iter().any(|other| names_nodes(other, rule)) {
                    continue;
                }
                let way = if direction == Direction::Egress { "egress to" } else { "ingress from" };
                let says = policy.name(repository);
                findings.about(repository.apps.get(policy.app), policy.object(repository));
                let finding = findings.report(
                    first.span,
                    format!(
                        "{says} allows {way} {address} by its address, but that is a node of the cluster, to which Cilium \
                         applies no rule about addresses: the packets are dropped"
                    ),
                );
                finding.label("never matches").related(*told, "a node's address");
                for (peer, ..) in found.iter().skip(1).take(MOST_PLACES) {
                    finding.related(peer.span, "a node too");
                }
                finding.help(
                    "write the entities of nodes: `kube-apiserver` for the control plane, `remote-node` for other nodes, \
                     `host` for the pod's own",
                );
            }
        }
    }
}

/// Whether a rule names nodes as Cilium knows them, on one of the ports of another.
fn names_nodes(rule: &Rule, other: &Rule) -> bool {
    let is_node = |peer: &Peer| match &peer.who {
        Who::Entity(entity) => ["all", "cluster", "host", "remote-node", "kube-apiserver"].contains(&entity.as_str()),
        Who::Unknown => true,
        _ => false,
    };
    let named = rule.peers.as_ref().is_none_or(|peers| peers.iter().any(is_node));
    named
        && match &other.ports {
            None => rule.ports.is_none(),
            Some(ports) => ports.iter().any(|port| rule.takes_port(port) != Match::No),
        }
}

/// The address of a range that holds no other.
fn single(text: &str) -> Option<IpAddr> {
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.parse().ok()?;
    let whole = if address.is_ipv4() { "32" } else { "128" };
    length.is_none_or(|length| length == whole).then_some(address)
}

/// Whether Cilium is told to apply rules about addresses to nodes.
fn matches_nodes(repository: &Repository) -> bool {
    let releases = repository.apps.iter().flat_map(|app| &app.releases);
    let mut modes = releases
        .filter(|release| release.chart.name == "cilium")
        .filter_map(|release| release.values.get("policyCIDRMatchMode"));
    modes.any(|mode| mode.items().iter().chain([mode]).any(|node| node.as_text() == Some("nodes")))
}

/// The addresses of nodes that the repository tells of, with the places.
fn nodes(repository: &Repository) -> BTreeMap<IpAddr, Vec<Span>> {
    let mut nodes: BTreeMap<IpAddr, Vec<Span>> = BTreeMap::new();
    let mut add = |node: &Node| {
        for text in node.as_text().unwrap_or_default().split(',') {
            if let Ok(address) = text.trim().parse::<IpAddr>() {
                nodes.entry(address).or_default().push(node.span);
            }
        }
    };
    for app in &repository.apps {
        for release in &app.releases {
            endpoints(release).into_iter().for_each(&mut add);
        }
        for object in app.objects.iter().filter(|object| object.id.namespace == "kube-system") {
            let containers = Pod::of(object).into_iter().flat_map(Pod::containers);
            for argument in
                containers.flat_map(|container| container.node.get("command").map(Node::items).unwrap_or(&[]))
            {
                let address = argument.as_text().and_then(|text| text.strip_prefix("--advertise-address="));
                if let Some(address) = address {
                    add(&Node::plain(address, argument.span));
                }
            }
        }
    }
    for file in repository.files.sources.files().iter().filter(|file| crate::is_yaml(&file.path)) {
        for root in repository.files.stream(file.id).documents.iter().filter_map(|document| document.root.as_ref()) {
            configured(root).into_iter().for_each(&mut add);
        }
    }
    nodes
}

/// Addresses of the control plane's nodes in the values of kube-prometheus-stack.
fn endpoints(release: &Release) -> Vec<&Node> {
    if release.chart.name != "kube-prometheus-stack" {
        return Vec::new();
    }
    let lists = SCRAPED.iter().filter_map(|component| release.values.at(&[component, "endpoints"]));
    lists.flat_map(Node::items).collect()
}

/// Addresses of nodes in files that set up clusters: kubeadm's, talhelper's.
fn configured(root: &Node) -> Vec<&Node> {
    match ObjectId::of(root) {
        Some(id) if id.group == "kubeadm.k8s.io" => {
            let paths: [&[&str]; 2] =
                [&["localAPIEndpoint", "advertiseAddress"], &["controlPlane", "localAPIEndpoint", "advertiseAddress"]];
            paths.iter().filter_map(|path| root.at(path)).collect()
        }
        Some(_) => Vec::new(),
        None if root.get("clusterName").is_some() => {
            let nodes = root.get("nodes").map(Node::items).unwrap_or_default();
            nodes.iter().filter_map(|node| node.get("ipAddress")).collect()
        }
        None => Vec::new(),
    }
}
