//! Releases that objects set for the nodes of a cluster: Cluster API's control planes and machines, and the plans of the
//! system-upgrade-controller for k3s and RKE2.
//!
//! Only objects that name each other are put together. Left out: Clusters with a topology, which set one release for all,
//! and kubespray's `kube_version`, which does so too.

use super::release::Release;
use super::statements::{Cluster, Component, Statement};
use crate::kubernetes::Object;
use crate::repository::BuiltApp;
use crate::yaml::Node;

/// The clusters that the objects of an app set up.
pub(super) fn clusters(app: &BuiltApp) -> Vec<Cluster> {
    let of_group = |group: &str| app.objects.iter().any(|object| object.id.group == group);
    let mut clusters = Vec::new();
    if of_group("controlplane.cluster.x-k8s.io") {
        clusters.extend(app.objects.iter().filter_map(|object| of_control_plane(object, app)));
    }
    if of_group("upgrade.cattle.io") {
        clusters.extend(app.objects.iter().filter_map(|object| of_plan(object, app)));
    }
    clusters
}

fn said(component: Component, node: Option<&Node>) -> Option<Statement> {
    let node = node?;
    Some(Statement { component, release: Release::parse(node.as_text()?)?, span: node.span })
}

/// A control plane of Cluster API, and the machines of its cluster.
fn of_control_plane(plane: &Object, app: &BuiltApp) -> Option<Cluster> {
    if plane.id.group != "controlplane.cluster.x-k8s.io" {
        return None;
    }
    let server = said(Component::ControlPlane, plane.root.at(&["spec", "version"]))?;
    let namespace = app.namespace_of(plane);
    let in_place = |object: &&Object| object.id.group == "cluster.x-k8s.io" && app.namespace_of(object) == namespace;
    let owns = |cluster: &&Object| {
        let reference = |key: &str| cluster.root.str_at(&["spec", "controlPlaneRef", key]);
        cluster.id.kind == "Cluster"
            && reference("name") == Some(plane.id.name.as_str())
            && reference("kind") == Some(plane.id.kind.as_str())
    };
    let owner = app.objects.iter().filter(in_place).find(owns).map(|cluster| cluster.id.name.as_str());
    let owner = owner.or_else(|| plane.root.str_at(&["metadata", "labels", "cluster.x-k8s.io/cluster-name"]))?;
    let machines = app.objects.iter().filter(in_place).filter(|object| {
        matches!(object.id.kind.as_str(), "MachineDeployment" | "MachinePool" | "MachineSet")
            && object.root.str_at(&["spec", "clusterName"]) == Some(owner)
            && object.root.at(&["spec", "replicas"]).and_then(Node::as_i64) != Some(0)
    });
    let kubelets = machines
        .filter_map(|object| said(Component::Kubelet, object.root.at(&["spec", "template", "spec", "version"])));
    Some(std::iter::once(server).chain(kubelets).collect())
}

/// A plan for nodes that waits for the plan of the control plane, and that one.
fn of_plan(plan: &Object, app: &BuiltApp) -> Option<Cluster> {
    if !plan.id.is("upgrade.cattle.io", "Plan") {
        return None;
    }
    let spec = plan.root.get("spec")?;
    let arguments = spec.at(&["prepare", "args"]).map(Node::items).unwrap_or_default();
    let first = arguments.iter().filter_map(Node::as_text).skip_while(|argument| *argument != "prepare").nth(1)?;
    let server = app.objects.iter().find(|object| {
        object.id.is("upgrade.cattle.io", "Plan")
            && object.id.name == first
            && app.namespace_of(object) == app.namespace_of(plan)
    })?;
    let is_distribution =
        |node: &&Node| node.as_text().is_some_and(|text| text.contains("+k3s") || text.contains("+rke2"));
    let server = said(Component::ControlPlane, server.root.at(&["spec", "version"]).filter(is_distribution))?;
    let agent = said(Component::Kubelet, spec.get("version").filter(is_distribution))?;
    Some(vec![server, agent])
}
