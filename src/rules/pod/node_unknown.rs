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
    let named: Vec<(&BuiltApp, &Object, Vec<&Node>)> = repository
        .apps
        .iter()
        .flat_map(|app| app.objects.iter().map(move |object| (app, object)))
        .flat_map(|(app, object)| hostnames(object).into_iter().map(move |nodes| (app, object, nodes)))
        .collect();
    // A node may register by its full name where the inventory has the short one, or the other way round.
    let first = |name: &str| name.split('.').next().map(str::to_owned);
    let labels: BTreeSet<Option<String>> = known.iter().map(|name| first(name)).collect();
    let is_known = |node: &&Node| node.as_text().is_some_and(|name| labels.contains(&first(name)));
    // Hosts of an inventory need not be nodes, nor be called as in the cluster; if one is, the others are.
    if !named.iter().any(|(.., nodes)| nodes.iter().any(is_known)) {
        return;
    }
    for (app, object, nodes) in named {
        let is_open = |node: &&Node| {
            node.as_text().is_none_or(|name| name.contains(['$', '{', '<']) || name.starts_with("virtual-"))
        };
        if nodes.iter().any(|node| is_known(node) || is_open(node)) {
            continue;
        }
        let Some((node, name)) = nodes.first().and_then(|node| Some((*node, node.as_text()?))) else { continue };
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

/// The nodes that an object is tied to: lists of which one must be there.
fn hostnames(object: &Object) -> Vec<Vec<&Node>> {
    let mut found = Vec::new();
    let pod = Pod::of(object).map(|pod| pod.spec);
    found.extend(pod.and_then(|pod| pod.at(&["nodeSelector", HOSTNAME])).map(|node| vec![node]));
    let of_pod = ["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"];
    let of_volume =
        || object.root.at(&["spec", "nodeAffinity", "required"]).filter(|_| object.id.is("", "PersistentVolume"));
    let Some(required) = pod.and_then(|pod| pod.at(&of_pod)).or_else(of_volume) else { return found };
    let terms = required.get("nodeSelectorTerms").map(Node::items).unwrap_or_default();
    // One term is enough, so a node that any of them admits will do.
    let by_term: Option<Vec<&[Node]>> = terms.iter().map(hosts_of_term).collect();
    found.extend(by_term.filter(|terms| !terms.is_empty()).map(|terms| terms.into_iter().flatten().collect()));
    found
}

/// The host names that a term admits; `None` if it asks for none.
fn hosts_of_term(term: &Node) -> Option<&[Node]> {
    let wanted = term.get("matchExpressions").map(Node::items).unwrap_or_default().iter();
    let mut by_host =
        wanted.filter(|wanted| wanted.str_at(&["key"]) == Some(HOSTNAME) && wanted.str_at(&["operator"]) == Some("In"));
    by_host.next()?.get("values").map(Node::items)
}
