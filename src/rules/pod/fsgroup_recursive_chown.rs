//! See `rules/pod/pod-fsgroup-recursive-chown.md`.

use crate::kubernetes::{Object, Quantity};
use crate::repository::{BuiltApp, Repository};
use crate::rules::claims::Claim;
use crate::rules::matcher::set_beside;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, repository: &'a Repository, findings: &mut Findings<'a>) {
    let Some(large) = findings.quantity("size") else { return };
    let mut judged: Vec<*const Object> = Vec::new();
    for claim in Claim::of(app) {
        let context = claim.pod.and_then(|pod| pod.get("securityContext"));
        let Some(map) = context.and_then(Node::as_mapping) else { continue };
        let Some(entry) = map.entry("fsGroup") else { continue };
        let policy = context.and_then(|context| context.get("fsGroupChangePolicy")).filter(|policy| !policy.is_null());
        let always = policy.is_none_or(|policy| policy.as_str() == Some("Always"));
        let is_raw = claim.spec.str_at(&["volumeMode"]) == Some("Block");
        // By default the kubelet leaves volumes alone that several nodes may mount.
        let alone = claim.has_mode("ReadWriteOnce") || claim.has_mode("ReadWriteOncePod");
        let shared = claim.has_mode("ReadWriteMany") || claim.has_mode("ReadOnlyMany");
        if entry.value.as_i64().is_none() || !always || is_raw || shared || !alone {
            continue;
        }
        let Some(size) = claim.size.and_then(|size| Some((Quantity::of(size)?.ok()?, size))) else { continue };
        if size.0 < large || judged.contains(&std::ptr::from_ref(claim.consumer)) {
            continue;
        }
        // The kubelet changes no owner in a directory of the node or on a file system of the network.
        if claim.is_never_attached(repository) || leaves_owners(&claim, repository) {
            continue;
        }
        judged.push(std::ptr::from_ref(claim.consumer));
        findings.about(Some(app), Some(claim.consumer));
        let amount = size.1.as_text().unwrap_or_default();
        let place = policy.map_or(entry.key.span, |policy| policy.span);
        let finding = findings.report(
            place,
            format!(
                "{} makes the kubelet change the owner of every file of a volume of {amount} before the container starts, \
                 each time: with many files the pod stays in ContainerCreating for minutes or hours, \"timed out waiting \
                 for the condition\"",
                claim.consumer.id
            ),
        );
        finding.related(size.1.span, "the volume's size");
        finding.help(
            "write `fsGroupChangePolicy: OnRootMismatch` beside `fsGroup`: only a volume whose top directory has \
                      another owner is gone through",
        );
        let file = repository.files.sources.file(entry.key.span.file);
        let edit = set_beside(&file, &entry.key, &entry.value, map, "fsGroupChangePolicy", "OnRootMismatch");
        if let Some(edit) = edit {
            finding.fix("write `fsGroupChangePolicy: OnRootMismatch`", vec![edit]);
        }
    }
}

/// Whether the driver of a claim's volume tells the kubelet to leave owners alone.
fn leaves_owners(claim: &Claim<'_>, repository: &Repository) -> bool {
    let Some(driver) = claim.provisioners(repository).next() else { return false };
    let mut drivers =
        repository.objects_of("storage.k8s.io", "CSIDriver").filter(|(_, object)| object.id.name == driver);
    drivers.any(|(_, driver)| driver.root.str_at(&["spec", "fsGroupPolicy"]) == Some("None"))
}
