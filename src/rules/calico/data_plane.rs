//! Where Calico's eBPF data plane is switched on, and how it balances at connect time.
//!
//! Left out: settings of single nodes, and files of Felix on the nodes.

use crate::kubernetes::{Object, Pod};
use crate::repository::Cluster;
use crate::repository::{BuiltApp, Repository};
use crate::source::Span;
use crate::yaml::Node;

/// Calico's eBPF data plane in one cluster.
pub(super) struct DataPlane<'a> {
    pub(super) app: &'a BuiltApp,
    /// The object that switches it on.
    pub(super) object: &'a Object,
    pub(super) cluster: Cluster,
    /// Where it is switched on.
    pub(super) on: Span,
    /// What is sent to a backend at connect time: `TCP`, which is the default, `Enabled`, `Disabled`.
    pub(super) balancing: &'a str,
    /// Where that is written.
    pub(super) place: Option<Span>,
}

/// Every cluster with the data plane, once.
pub(super) fn all(repository: &Repository) -> Vec<DataPlane<'_>> {
    let mut found: Vec<DataPlane<'_>> = Vec::new();
    for app in &repository.apps {
        for object in &app.objects {
            let Some((on, balancing)) =
                of_felix(object).or_else(|| of_installation(object)).or_else(|| of_node(object))
            else {
                continue;
            };
            let cluster = Cluster::of(app);
            match found.iter_mut().find(|plane| plane.cluster == cluster) {
                // An environment variable of calico-node wins over the resource, which wins over Calico's default.
                Some(plane) if plane.place.is_none() || Pod::of(object).is_some() && balancing.is_some() => {
                    plane.place = balancing.map(|node| node.span);
                    plane.balancing = balancing.and_then(Node::as_text).unwrap_or(plane.balancing);
                }
                Some(_) => {}
                None => {
                    let place = balancing.map(|node| node.span);
                    let balancing = balancing.and_then(Node::as_text).unwrap_or("TCP");
                    found.push(DataPlane { app, object, cluster, on, balancing, place });
                }
            }
        }
    }
    found
}

type Settings<'a> = Option<(Span, Option<&'a Node>)>;

fn of_felix(object: &Object) -> Settings<'_> {
    let is_felix = object.id.kind == "FelixConfiguration" && object.id.group.ends_with("projectcalico.org");
    let spec = object.root.get("spec").filter(|_| is_felix)?;
    let on = spec.get("bpfEnabled").filter(|on| on.as_bool() == Some(true))?;
    Some((on.span, spec.get("bpfConnectTimeLoadBalancing")))
}

fn of_installation(object: &Object) -> Settings<'_> {
    let is_operators = object.id.is("operator.tigera.io", "Installation");
    let plane = object.root.at(&["spec", "calicoNetwork", "linuxDataplane"]).filter(|_| is_operators)?;
    (plane.as_str() == Some("BPF")).then_some((plane.span, None))
}

fn of_node(object: &Object) -> Settings<'_> {
    let pod = Pod::of(object).filter(|_| object.id.name == "calico-node")?;
    let environment = || pod.containers().filter_map(|container| container.node.get("env")).flat_map(Node::items);
    let value = |name: &str| {
        let named = |entry: &&Node| entry.str_at(&["name"]).is_some_and(|own| own.eq_ignore_ascii_case(name));
        environment().find(named).and_then(|entry| entry.get("value"))
    };
    let on = value("FELIX_BPFENABLED").filter(|on| on.as_text() == Some("true"))?;
    Some((on.span, value("FELIX_BPFCONNECTTIMELOADBALANCING")))
}
