//! See `rules/pod/pod-node-unknown.md`.

use std::collections::BTreeSet;

use crate::finding::nearest;
use crate::kubernetes::{Object, Pod};
use crate::repository::{BuiltApp, Repository};
use crate::rules::claims::HOSTNAME;
use crate::rules::nodes;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let hosts = nodes::all(repository);
    if hosts.is_empty() {
        return;
    }
    let known: BTreeSet<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
    let named: Vec<(&BuiltApp, &Object, &Node, &str)> = repository
        .apps
        .iter()
        .flat_map(|app| app.objects.iter().map(move |object| (app, object)))
        .flat_map(|(app, object)| hostnames(object).into_iter().map(move |node| (app, object, node)))
        .filter_map(|(app, object, node)| Some((app, object, node, node.as_text()?)))
        .collect();
    // Hosts of an inventory need not be nodes, nor be called as in the cluster; if one is, the others are.
    if !named.iter().any(|(.., name)| known.contains(name)) {
        return;
    }
    for (app, object, node, name) in named {
        if known.contains(name) || name.contains(['$', '{', '<']) {
            continue;
        }
        findings.about(Some(app), Some(object));
        let fate = if object.id.kind == "PersistentVolume" { "pods that claim it stay" } else { "its pods stay" };
        let message = format!(
            "{} is tied to the node `{name}`, which is not among the {} of the inventory: {fate} Pending, \"didn't match Pod's \
             node affinity/selector\"",
            object.id,
            known.len()
        );
        let finding = findings.report(node.span, message);
        if let Some(first) = hosts.first() {
            finding.related(first.span, "the inventory");
        }
        match nearest(name, known.iter().copied()) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help("name a node that is there, or add it to the inventory"),
        };
    }
}

/// The names of nodes that an object is tied to.
fn hostnames(object: &Object) -> Vec<&Node> {
    let mut found = Vec::new();
    let pod = Pod::of(object).map(|pod| pod.spec);
    found.extend(pod.and_then(|pod| pod.at(&["nodeSelector", HOSTNAME])));
    let of_pod = ["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"];
    let of_volume =
        || object.root.at(&["spec", "nodeAffinity", "required"]).filter(|_| object.id.is("", "PersistentVolume"));
    let Some(required) = pod.and_then(|pod| pod.at(&of_pod)).or_else(of_volume) else { return found };
    for term in required.get("nodeSelectorTerms").map(Node::items).unwrap_or_default() {
        for wanted in term.get("matchExpressions").map(Node::items).unwrap_or_default() {
            if wanted.str_at(&["key"]) == Some(HOSTNAME) && wanted.str_at(&["operator"]) == Some("In") {
                found.extend(wanted.get("values").map(Node::items).unwrap_or_default());
            }
        }
    }
    found
}
