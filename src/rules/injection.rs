//! What is put into pods on their way into the cluster, beside what their object says: sidecars of meshes, containers that
//! policies write.

use crate::kubernetes::{Object, Pod};
use crate::repository::Repository;
use crate::yaml::Node;

/// Ports of the containers that Istio and Linkerd put into pods, wherever they are told to.
pub(crate) const MESH_PORTS: [&str; 5] =
    ["http-envoy-prom", "http-envoy-admin", "status-port", "linkerd-admin", "linkerd-proxy"];

/// The names of the ports of the containers that an object's pods keep running; `None` if they can't be known, as where
/// something puts more containers into the pods.
pub(crate) fn port_names(object: &Object) -> Option<Vec<&str>> {
    let pod = Pod::of(object)?;
    let annotations = pod.template.at(&["metadata", "annotations"]).map(Node::entries).unwrap_or_default();
    let is_off = |value: &Node| matches!(value.as_text(), Some("false" | "disabled"));
    if annotations.iter().any(|entry| entry.key.text.contains("inject") && !is_off(&entry.value)) {
        return None;
    }
    let lasting = pod.containers().filter(|container| container.kind.is_long_running());
    let ports: Vec<&Node> = lasting.filter_map(|container| container.node.get("ports")).collect();
    let known = ports.iter().all(|ports| !ports.is_unknown());
    known.then(|| ports.iter().flat_map(|ports| ports.items()).filter_map(|port| port.str_at(&["name"])).collect())
}

/// Whether an object changes the pods of others when they are made, and so may give them more of everything.
pub(crate) fn mutates_pods(object: &Object) -> bool {
    let of_kyverno = || {
        let rules = object.root.at(&["spec", "rules"]).map(Node::items).unwrap_or_default();
        rules.iter().any(|rule| rule.get("mutate").is_some())
    };
    match object.id.group.as_str() {
        "kyverno.io" => of_kyverno(),
        "policies.kyverno.io" => object.id.kind.contains("Mutating"),
        "mutations.gatekeeper.sh" => true,
        "admissionregistration.k8s.io" => object.id.kind == "MutatingAdmissionPolicy",
        _ => false,
    }
}

/// Whether something in the repository puts containers into the pods of others: a policy that writes one as a whole.
pub(crate) fn injects_containers(repository: &Repository) -> bool {
    let writes_container = |object: &Object| {
        let mut open = vec![&object.root];
        while let Some(node) = open.pop() {
            if node.get("image").is_some() && node.get("name").is_some() {
                return true;
            }
            open.extend(node.entries().iter().map(|entry| &entry.value));
            open.extend(node.items());
        }
        false
    };
    repository.deployed().any(|(_, app)| app.objects.iter().any(|it| mutates_pods(it) && writes_container(it)))
}
