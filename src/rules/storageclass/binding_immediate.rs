//! See `rules/storageclass/storageclass-binding-immediate.md`.

use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, repository: &'a Repository, findings: &mut Findings<'a>) {
    let provisioners = findings.texts("provisioners");
    for class in app.objects.iter().filter(|object| object.id.is("storage.k8s.io", "StorageClass")) {
        let Some(provisioner) = class.root.get("provisioner") else { continue };
        let Some(name) = provisioner.as_str().filter(|name| provisioners.iter().any(|known| known == name)) else {
            continue;
        };
        let mode = class.root.get("volumeBindingMode").filter(|mode| !mode.is_null());
        let at_once = mode.is_none_or(|mode| mode.as_str() == Some("Immediate"));
        if !at_once || name == "kubernetes.io/no-provisioner" && are_reached_from_all(class, repository) {
            continue;
        }
        findings.about(Some(app), Some(class));
        let message = format!(
            "{} binds its claims at once, but {name} makes volumes on one node: the node is chosen before anybody knows where \
             the pod can run, and such pods stay Pending, \"node(s) had volume node affinity conflict\"",
            class.id
        );
        findings.report(provisioner.span, message).label("its volumes lie on one node").help(
            "write `volumeBindingMode: WaitForFirstConsumer`. The field can't be changed in the cluster: delete the \
             StorageClass there first; volumes that are bound stay",
        );
    }
}

/// Whether the repository has volumes of a class, and none of them lies on one node.
fn are_reached_from_all(class: &Object, repository: &Repository) -> bool {
    let mut volumes = repository
        .objects_of("", "PersistentVolume")
        .filter_map(|(_, object)| object.root.get("spec"))
        .filter(|spec| spec.str_at(&["storageClassName"]) == Some(class.id.name.as_str()))
        .peekable();
    let lies_on_node = |spec: &Node| ["local", "hostPath", "nodeAffinity"].iter().any(|key| spec.get(key).is_some());
    volumes.peek().is_some() && !volumes.any(lies_on_node)
}
