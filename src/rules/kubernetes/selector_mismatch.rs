//! See `rules/kubernetes/kubernetes-selector-mismatch.md`.

use crate::kubernetes::{Object, Pod};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Object(check);

fn check(object: &Object, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    let is_workload = object.id.group == "apps"
        && matches!(object.id.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet");
    let (true, Some(pod)) = (is_workload, Pod::of(object)) else { return };
    let labels = pod.template.at(&["metadata", "labels"]);
    let selected = object.root.at(&["spec", "selector", "matchLabels"]).map(Node::entries).unwrap_or_default();
    for entry in selected {
        let label = labels.and_then(|labels| labels.get(&entry.key.text));
        let known = |node: &Node| !node.is_unknown() && !node.as_text().is_some_and(super::is_template);
        let differs = match label {
            Some(label) => known(label) && known(&entry.value) && !label.same_value(&entry.value),
            None => true,
        };
        if !differs {
            continue;
        }
        let key = &entry.key.text;
        let wanted = entry.value.as_text().unwrap_or_default();
        let message = format!(
            "{} selects pods with {key}={wanted}, and its own pod template does not have this label. The API server \
             refuses the object: `selector` does not match template `labels`",
            object.id
        );
        let finding = findings.report(entry.value.span, message);
        match label.or(labels) {
            Some(labels) => finding.related(labels.span, "labels of the pods"),
            None => finding.related(pod.template.span, "the pods have no labels"),
        };
        finding.help("give the pod template every label that the selector names; the selector can't change later");
    }
}
