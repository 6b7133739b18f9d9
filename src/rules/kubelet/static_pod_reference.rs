//! See `rules/kubelet/kubelet-static-pod-reference.md`.

use crate::finding::Severity;
use crate::gitops::Declared;
use crate::kubernetes::{Object, Pod, Version};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Object(check);

/// The release whose kubelet refuses such pods: the feature gate `PreventStaticPodAPIReferences` is on from here.
const REFUSED_SINCE: Version = Version::new(1, 34);

/// Volumes that are filled from objects of the API server, and what they name.
const VOLUMES: [(&str, &str); 4] = [
    ("secret", "a Secret"),
    ("configMap", "a ConfigMap"),
    ("persistentVolumeClaim", "a PersistentVolumeClaim"),
    ("ephemeral", "a PersistentVolumeClaim"),
];

fn check(object: &Object, app: &BuiltApp, repository: &Repository, findings: &mut Findings<'_>) {
    if app.app.declared != Declared::StaticPods {
        return;
    }
    let Some(pod) = Pod::of(object) else { return };
    for (span, what) in references(pod) {
        let cluster = repository.release_at(span.file).filter(|cluster| cluster.version >= REFUSED_SINCE);
        let refused = cluster.is_some();
        let consequence = if refused {
            "the kubelet refuses to start it"
        } else {
            "before Kubernetes 1.34 it runs without that and is missing from the API server, and from 1.34 on the kubelet \
             refuses to start it"
        };
        let message =
            format!("{} is a static pod and names {what}. A static pod may name no object: {consequence}", object.id);
        let finding = findings.report(span, message);
        finding.severity(if refused { Severity::Error } else { Severity::Warning });
        finding.label(format!("names {what}")).help("read a file of the node through a `hostPath` volume instead");
        if let Some((place, version)) = cluster.and_then(|cluster| Some((cluster.span?, cluster.version))) {
            finding.related(place, format!("the cluster runs {version}"));
        }
    }
}

/// Everything that the pod names of the API server, with its place.
fn references(pod: Pod<'_>) -> Vec<(Span, &'static str)> {
    let mut found = Vec::new();
    let mut add = |node: Option<&Node>, what: &'static str| found.extend(node.map(|node| (node.span, what)));
    add(
        pod.spec.get("serviceAccountName").filter(|name| name.as_text().is_some_and(|name| !name.is_empty())),
        "a ServiceAccount",
    );
    add(pod.spec.get("resourceClaims").filter(|claims| !claims.items().is_empty()), "a ResourceClaim");
    for volume in pod.spec.get("volumes").map(Node::items).unwrap_or_default() {
        for (field, what) in VOLUMES {
            add(volume.get(field), what);
        }
        for source in volume.at(&["projected", "sources"]).map(Node::items).unwrap_or_default() {
            add(source.get("secret"), "a Secret");
            add(source.get("configMap"), "a ConfigMap");
        }
    }
    for container in pod.containers() {
        for source in container.node.get("envFrom").map(Node::items).unwrap_or_default() {
            add(source.get("secretRef"), "a Secret");
            add(source.get("configMapRef"), "a ConfigMap");
        }
        for variable in container.node.get("env").map(Node::items).unwrap_or_default() {
            add(variable.at(&["valueFrom", "secretKeyRef"]), "a Secret");
            add(variable.at(&["valueFrom", "configMapKeyRef"]), "a ConfigMap");
        }
    }
    found
}
