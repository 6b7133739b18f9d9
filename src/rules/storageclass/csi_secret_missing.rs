//! See `rules/storageclass/storageclass-csi-secret-missing.md`.

use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// The driver asks for it before it makes a volume.
const MAKE: &str = "csi.storage.k8s.io/provisioner-secret-name";
/// And for this one before a node mounts it.
const MOUNT: &str = "csi.storage.k8s.io/node-stage-secret-name";

/// Lists of the chart rook-ceph-cluster whose items make StorageClasses. Source: rook, deploy/charts/rook-ceph-cluster.
const LISTS: [&str; 2] = ["cephBlockPools", "cephFileSystems"];

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    for (app, object) in repository.objects_of("storage.k8s.io", "StorageClass") {
        let Some(provisioner) = object.root.get("provisioner") else { continue };
        let is_ceph = provisioner.as_text().is_some_and(|name| {
            let driver =
                |driver: &str| name.strip_suffix(driver).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            driver("rbd.csi.ceph.com") || driver("cephfs.csi.ceph.com")
        });
        if is_ceph {
            findings.about(Some(app), Some(object));
            report(&object.id.name, object.root.get("parameters"), provisioner.span, findings);
        }
    }
    for app in &repository.apps {
        for release in app.releases.iter().filter(|release| release.chart.name == "rook-ceph-cluster") {
            findings.about(Some(app), None);
            for item in LISTS.into_iter().filter_map(|list| release.values.get(list)).flat_map(Node::items) {
                let Some(class) = item.get("storageClass") else { continue };
                let Some(name) = class.get("name") else { continue };
                if class.get("enabled").and_then(Node::as_bool) == Some(true) {
                    report(name.as_text().unwrap_or_default(), class.get("parameters"), name.span, findings);
                }
            }
        }
    }
}

fn report(class: &str, parameters: Option<&Node>, place: Span, findings: &mut Findings<'_>) {
    let parameters = parameters.filter(|parameters| !parameters.is_null());
    if parameters.is_some_and(|parameters| parameters.is_unknown() || parameters.as_mapping().is_none()) {
        return;
    }
    let lacks = |name: &&str| parameters.is_none_or(|parameters| parameters.get(name).is_none());
    let lacking: Vec<&str> = [MAKE, MOUNT].into_iter().filter(lacks).collect();
    if lacking.is_empty() {
        return;
    }
    let consequence = match lacking.first() {
        Some(&MAKE) => "its claims stay Pending, `provided secret is empty`",
        _ => "its volumes are made, and no node can mount them",
    };
    let names: Vec<String> = lacking.iter().map(|name| format!("`{name}`")).collect();
    let message =
        format!("StorageClass `{class}` gives Ceph's driver no credentials, {}: {consequence}", names.join(" and "));
    findings.report(parameters.map_or(place, |parameters| parameters.span), message).label("not among them").help(
        "write the Secrets' names and namespaces, for provisioner, controller-expand and node-stage. A list in values takes \
         the place of the chart's own, with all that it held",
    );
}
