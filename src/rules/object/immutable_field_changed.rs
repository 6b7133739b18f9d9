//! See `rules/object/object-immutable-field-changed.md`.

use crate::gitops::Declared;
use crate::kubernetes::Object;
use crate::repository::{Placed, Repository, Since};
use crate::rules::changes::{Difference, difference, is_replaced, refused_by};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Since(check);

/// A field that the API server lets nobody change (Kubernetes, `pkg/apis/*/validation`).
struct Fixed {
    group: &'static str,
    kind: &'static str,
    path: &'static [&'static str],
    absent: Absent,
    /// What the server answers.
    answer: &'static str,
    help: &'static str,
}

/// What it means that a field is not written.
#[derive(Clone, Copy)]
enum Absent {
    /// Nothing: it is a value of its own.
    Nothing,
    /// The same as this value.
    Is(&'static str),
    /// The server chose a value when the object was made, so only two written values can be compared.
    Chosen,
    /// It may still be set, once.
    Open,
}

const SELECTOR: &str = "leave the selector as it was: pods may get more labels than it names, and kustomize's `labels` with \
                        `includeSelectors: false` adds them everywhere else. A selector that must change needs a workload of \
                        another name, or this one deleted by hand, which stops its pods";
const STATEFUL_SET: &str = "take the change back, or delete the StatefulSet only, with `kubectl delete statefulset NAME \
                            --cascade=orphan`: its pods go on, and the next sync makes it anew around them. Claims that exist \
                            keep their size and class; grow each with `kubectl edit pvc`";
const JOB: &str = "give each version of the Job a name of its own, make it a hook (`argocd.argoproj.io/hook: Sync` with \
                   `hook-delete-policy: BeforeHookCreation`), or let it be replaced: `argocd.argoproj.io/sync-options: \
                   Force=true,Replace=true`, for Flux `kustomize.toolkit.fluxcd.io/force: enabled`";
const CLAIM: &str = "leave the claim as it was. What needs another class, mode or source needs a claim of another name; copy the \
                     data over, then change the pods";
const VOLUME: &str = "leave the volume as it was, and describe the other storage in a PersistentVolume of another name";
const CLASS: &str = "give the changed class another name: volumes keep what they were made with in any case. Or delete this one \
                     by hand and sync: no volume is touched by that";
const ANEW: &str =
    "take the change back, give the object another name, or delete it by hand so that the next sync makes it anew";
const BY_CLUSTER: &str = "delete the Service by hand so that the next sync makes it anew, at a moment when nobody needs it, or \
                          make a second Service of another name";
const IMMUTABLE: &str = "field is immutable";
const STATEFUL_ANSWER: &str = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', … are \
                               forbidden";
const CLAIM_ANSWER: &str = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound \
                            claims";
const MAY_NOT: &str = "may not be changed in an update";

macro_rules! fixed {
    ($($group:literal $kind:literal $path:expr, $absent:expr, $answer:expr, $help:expr;)*) => {
        &[$(Fixed { group: $group, kind: $kind, path: &$path, absent: $absent, answer: $answer, help: $help }),*]
    };
}

const FIXED: &[Fixed] = fixed! {
    "apps" "Deployment" ["spec", "selector"], Absent::Nothing, IMMUTABLE, SELECTOR;
    "apps" "DaemonSet" ["spec", "selector"], Absent::Nothing, IMMUTABLE, SELECTOR;
    "apps" "ReplicaSet" ["spec", "selector"], Absent::Nothing, IMMUTABLE, SELECTOR;
    "apps" "StatefulSet" ["spec", "selector"], Absent::Nothing, STATEFUL_ANSWER, SELECTOR;
    "apps" "StatefulSet" ["spec", "serviceName"], Absent::Nothing, STATEFUL_ANSWER, STATEFUL_SET;
    "apps" "StatefulSet" ["spec", "podManagementPolicy"], Absent::Is("OrderedReady"), STATEFUL_ANSWER, STATEFUL_SET;
    "apps" "StatefulSet" ["spec", "volumeClaimTemplates"], Absent::Nothing, STATEFUL_ANSWER, STATEFUL_SET;
    "batch" "Job" ["spec", "template"], Absent::Nothing, IMMUTABLE, JOB;
    "batch" "Job" ["spec", "completionMode"], Absent::Is("NonIndexed"), IMMUTABLE, JOB;
    "" "PersistentVolumeClaim" ["spec", "accessModes"], Absent::Nothing, CLAIM_ANSWER, CLAIM;
    "" "PersistentVolumeClaim" ["spec", "storageClassName"], Absent::Chosen, CLAIM_ANSWER, CLAIM;
    "" "PersistentVolumeClaim" ["spec", "volumeName"], Absent::Chosen, CLAIM_ANSWER, CLAIM;
    "" "PersistentVolumeClaim" ["spec", "volumeMode"], Absent::Is("Filesystem"), CLAIM_ANSWER, CLAIM;
    "" "PersistentVolumeClaim" ["spec", "selector"], Absent::Nothing, CLAIM_ANSWER, CLAIM;
    "" "PersistentVolumeClaim" ["spec", "dataSource"], Absent::Nothing, CLAIM_ANSWER, CLAIM;
    "" "PersistentVolumeClaim" ["spec", "dataSourceRef"], Absent::Chosen, CLAIM_ANSWER, CLAIM;
    "" "PersistentVolume" ["spec", "nodeAffinity"], Absent::Open, IMMUTABLE, VOLUME;
    "" "PersistentVolume" ["spec", "volumeMode"], Absent::Is("Filesystem"), IMMUTABLE, VOLUME;
    "" "Service" ["spec", "clusterIP"], Absent::Chosen, "may not change once set", BY_CLUSTER;
    "" "Secret" ["type"], Absent::Is("Opaque"), IMMUTABLE, ANEW;
    "storage.k8s.io" "StorageClass" ["provisioner"], Absent::Nothing, "updates to provisioner are forbidden", CLASS;
    "storage.k8s.io" "StorageClass" ["parameters"], Absent::Nothing, "updates to parameters are forbidden", CLASS;
    "storage.k8s.io" "StorageClass" ["reclaimPolicy"], Absent::Is("Delete"), "updates to reclaimPolicy are forbidden", CLASS;
    "storage.k8s.io" "StorageClass" ["volumeBindingMode"], Absent::Is("Immediate"), IMMUTABLE, CLASS;
    "rbac.authorization.k8s.io" "RoleBinding" ["roleRef"], Absent::Nothing, "cannot change roleRef", ANEW;
    "rbac.authorization.k8s.io" "ClusterRoleBinding" ["roleRef"], Absent::Nothing, "cannot change roleRef", ANEW;
    "networking.k8s.io" "IngressClass" ["spec", "controller"], Absent::Nothing, IMMUTABLE, ANEW;
    "scheduling.k8s.io" "PriorityClass" ["value"], Absent::Is("0"), MAY_NOT, ANEW;
    "scheduling.k8s.io" "PriorityClass" ["preemptionPolicy"], Absent::Is("PreemptLowerPriority"), IMMUTABLE, ANEW;
    "node.k8s.io" "RuntimeClass" ["handler"], Absent::Nothing, IMMUTABLE, ANEW;
    "apiextensions.k8s.io" "CustomResourceDefinition" ["spec", "scope"], Absent::Nothing, IMMUTABLE, ANEW;
};

/// Fields of a volume that are not the storage it stands for.
const NOT_THE_SOURCE: [&str; 9] = [
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
];

fn check<'a>(since: &'a Since, repository: &'a Repository, findings: &mut Findings<'a>) {
    for (before, after) in since.kept(repository) {
        let (kind, group) = (&before.object.id.kind, &before.object.id.group);
        let fields = FIXED.iter().filter(|fixed| fixed.kind == kind && fixed.group == group);
        let mut refused: Vec<_> = fields.filter_map(|fixed| Some((changed(fixed, before, after)?, fixed))).collect();
        let source = volume_source(before.object, after.object);
        refused.retain(|(_, fixed)| !(fixed.kind == "Service" && is_free(before.object, after.object)));
        let refused = refused.into_iter().map(|(difference, fixed)| (difference, fixed.answer, fixed.help));
        let source = source.map(|found| (found, "spec.persistentvolumesource is immutable after creation", VOLUME));
        let content = frozen_content(before.object, after.object);
        let content = content.map(|found| (found, "field is immutable when 'immutable' is set", FROZEN));
        let all: Vec<_> = refused.chain(source).chain(content).collect();
        if all.is_empty() || is_replaced(before, after, repository) {
            continue;
        }
        findings.about(Some(after.app), Some(after.object));
        for (difference, answer, help) in all {
            let message = format!(
                "`{}` of {} {}; nobody can change it once the object exists. The API server answers `{answer}`: {}",
                difference.path,
                after.object.id,
                difference.in_words(),
                refused_by(after.app)
            );
            findings.report(difference.place, message).label(format!("changed since {}", since.revision)).help(help);
        }
    }
}

const FROZEN: &str = "give the changed content another name, as kustomize's generators do with a hash of it, and change those who \
                      use it; or delete the object by hand so that the next sync makes it anew";

fn changed<'a>(fixed: &Fixed, before: Placed<'a>, after: Placed<'a>) -> Option<Difference<'a>> {
    // Argo CD passes RBAC through `kubectl auth reconcile`, which makes a binding anew for another role.
    if fixed.path == ["roleRef"] && matches!(after.app.app.declared, Declared::ArgoApplication(_)) {
        return None;
    }
    // A Job that cleans up after itself is gone by the next change.
    if fixed.kind == "Job" && before.object.root.at(&["spec", "ttlSecondsAfterFinished"]).is_some() {
        return None;
    }
    let (then, now) = (before.object.root.at(fixed.path), after.object.root.at(fixed.path));
    let is_there = |node: Option<&Node>| node.is_some_and(|node| !node.is_null());
    match fixed.absent {
        Absent::Is(default) if !is_there(then) || !is_there(now) => {
            let written = then.or(now).and_then(Node::as_text);
            if written.is_none_or(|written| written == default) {
                return None;
            }
        }
        // A Service without an address asks for one; a headless Service has to stay so.
        Absent::Chosen if fixed.kind == "Service" && now.and_then(Node::as_text) == Some("None") => {}
        Absent::Chosen if !is_there(then) || !is_there(now) => return None,
        Absent::Open if !is_there(then) => return None,
        _ => {}
    }
    difference(&fixed.path.join("."), then, now, after.object.name_span())
}

/// A Service that points at a name outside has no address, so it may get or lose one.
fn is_free(before: &Object, after: &Object) -> bool {
    let is_external = |object: &Object| object.root.str_at(&["spec", "type"]) == Some("ExternalName");
    is_external(before) || is_external(after)
}

/// The storage that a PersistentVolume stands for.
fn volume_source<'a>(before: &'a Object, after: &'a Object) -> Option<Difference<'a>> {
    if !before.id.is("", "PersistentVolume") {
        return None;
    }
    let (then, now) = (before.root.get("spec")?, after.root.get("spec")?);
    let keys = then.entries().iter().chain(now.entries()).map(|entry| entry.key.text.as_str());
    let mut keys = keys.filter(|key| !NOT_THE_SOURCE.contains(key));
    keys.find_map(|key| difference(&format!("spec.{key}"), then.get(key), now.get(key), after.name_span()))
}

/// A change to a ConfigMap or Secret that was made immutable.
fn frozen_content<'a>(before: &'a Object, after: &'a Object) -> Option<Difference<'a>> {
    let is_config = before.id.is("", "ConfigMap") || before.id.is("", "Secret");
    if !is_config || before.root.get("immutable").and_then(Node::as_bool) != Some(true) {
        return None;
    }
    let mut fields = ["immutable", "data", "binaryData", "stringData"].into_iter();
    fields.find_map(|field| difference(field, before.root.get(field), after.root.get(field), after.name_span()))
}
