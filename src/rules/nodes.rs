//! The nodes of the cluster, where the repository also says which there are: talhelper's `talconfig.yaml`, inventories of
//! Ansible in YAML or INI.
//!
//! Only upper bounds can be drawn from them: a node that is listed may have more taints and fewer labels than it says here,
//! and whoever counts nodes counts those that could take a pod.

use crate::is_yaml;
use crate::repository::Repository;
use crate::source::{SourceFile, Span};
use crate::yaml::Node;

/// One node.
pub(crate) struct Host {
    /// Its host name.
    pub(crate) name: String,
    /// Where it is written.
    pub(crate) span: Span,
    /// Labels it is known to have.
    pub(crate) labels: Vec<(String, String)>,
    /// Whether it runs the control plane and takes no other pods.
    pub(crate) tainted: bool,
}

/// Every node, if exactly one file lists them; none if that can't be told.
pub(crate) fn all(repository: &Repository) -> Vec<Host> {
    let mut lists: Vec<Vec<Host>> = Vec::new();
    for file in repository.files.sources.files() {
        let name = file.path.file_name();
        let list = match () {
            () if matches!(name, "talconfig.yaml" | "talconfig.yml") => talhelper(&file, repository),
            () if is_inventory(&file) && is_yaml(&file.path) => ansible(&file, repository),
            () if is_inventory(&file) => ini(&file),
            () => continue,
        };
        lists.extend(Some(list).filter(|list| !list.is_empty()));
    }
    // Two lists may be two clusters.
    lists.pop().filter(|_| lists.is_empty()).unwrap_or_default()
}

fn is_inventory(file: &SourceFile) -> bool {
    let name = file.path.file_name();
    let stem = name.split('.').next().unwrap_or(name);
    matches!(stem, "inventory" | "hosts") && matches!(file.path.extension(), None | Some("ini" | "yaml" | "yml"))
}

fn talhelper(file: &SourceFile, repository: &Repository) -> Vec<Host> {
    let stream = repository.files.stream(file.id);
    let Some(root) = stream.documents.first().and_then(|document| document.root.as_ref()) else { return Vec::new() };
    let everywhere = ["allowSchedulingOnControlPlanes", "allowSchedulingOnMasters"]
        .into_iter()
        .any(|key| root.get(key).is_some_and(|value| value.as_bool() != Some(false)));
    let mut hosts = Vec::new();
    for node in root.get("nodes").map(Node::items).unwrap_or_default() {
        let (Some(name), control) = (node.get("hostname"), node.get("controlPlane").and_then(Node::as_bool)) else {
            continue;
        };
        let Some(text) = name.as_text().filter(|text| !text.contains(['$', '{'])) else { return Vec::new() };
        let group = root.get(if control == Some(true) { "controlPlane" } else { "worker" });
        let maps = [node.get("nodeLabels"), group.and_then(|group| group.get("nodeLabels"))];
        let labels = maps.into_iter().flatten().flat_map(Node::entries);
        hosts.push(Host {
            name: text.to_owned(),
            span: name.span,
            labels: labels
                .filter_map(|label| Some((label.key.text.to_string(), label.value.as_text()?.to_owned())))
                .collect(),
            tainted: control == Some(true) && !everywhere,
        });
    }
    hosts
}

/// What a group of an inventory is for: `Some(true)` for the control plane, `Some(false)` for workers.
fn role(group: &str) -> Option<bool> {
    let group = group.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| group.contains(word));
    match () {
        () if has(&["etcd", "nfs", "load", "haproxy", "bastion", "vars"]) => None,
        () if has(&["master", "control"]) => Some(true),
        () if has(&["worker", "agent", "app", "storage", "node"]) => Some(false),
        () => None,
    }
}

fn ansible(file: &SourceFile, repository: &Repository) -> Vec<Host> {
    let stream = repository.files.stream(file.id);
    let mut hosts = Vec::new();
    let mut open: Vec<(&str, &Node, usize)> = Vec::new();
    for root in stream.documents.iter().filter_map(|document| document.root.as_ref()) {
        open.extend(root.entries().iter().map(|entry| (entry.key.text.as_str(), &entry.value, 0)));
    }
    while let Some((name, group, depth)) = open.pop() {
        for host in group.get("hosts").map(Node::entries).unwrap_or_default() {
            add(&mut hosts, &host.key.text, host.key.span, role(name));
        }
        let children = group.get("children").map(Node::entries).unwrap_or_default();
        open.extend(
            children.iter().filter(|_| depth < 8).map(|child| (child.key.text.as_str(), &child.value, depth + 1)),
        );
    }
    settled(hosts, file)
}

fn ini(file: &SourceFile) -> Vec<Host> {
    let mut hosts = Vec::new();
    let mut group = String::new();
    let mut start = 0;
    for line in file.text().unwrap_or_default().split_inclusive('\n') {
        let text = line.split(['#', ';']).next().unwrap_or_default().trim();
        if let Some(name) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut group);
        } else if let Some(name) = text.split_whitespace().next().filter(|_| !group.contains(':')) {
            let at = start + line.find(name).unwrap_or_default();
            add(&mut hosts, name, Span::new(file.id, at, at + name.len()), role(&group));
        }
        start += line.len();
    }
    settled(hosts, file)
}

fn add(hosts: &mut Vec<Host>, name: &str, span: Span, role: Option<bool>) {
    let Some(control) = role else { return };
    match hosts.iter_mut().find(|host| host.name == name) {
        // Who is in both groups takes pods.
        Some(host) => host.tainted &= control,
        None => hosts.push(Host { name: name.to_owned(), span, labels: Vec::new(), tainted: control }),
    }
}

/// Distributions whose servers take pods like any other node. Sources: documentation of k3s, RKE2 and MicroK8s.
const UNTAINTED: [&str; 3] = ["k3s", "rke2", "microk8s"];

/// The hosts in order of their names, if some run the control plane, no other pods, and some take pods; an inventory of
/// anything else is not one of a cluster. A name that stands for several hosts makes the list useless.
fn settled(mut hosts: Vec<Host>, file: &SourceFile) -> Vec<Host> {
    let both = hosts.iter().any(|host| host.tainted) && hosts.iter().any(|host| !host.tainted);
    let patterns = hosts.iter().any(|host| host.name.contains(['[', '{', '*']));
    hosts.sort_by(|one, other| one.name.cmp(&other.name));
    let text = file.text().unwrap_or_default().to_ascii_lowercase();
    if UNTAINTED.iter().any(|name| text.contains(name)) {
        hosts.iter_mut().for_each(|host| host.tainted = false);
    }
    if both && !patterns { hosts } else { Vec::new() }
}
