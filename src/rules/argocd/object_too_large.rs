//! See `rules/argocd/argocd-object-too-large.md`.

use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::{Node, Value};

pub(crate) const CHECK: Check = Check::Object(check);

/// The most bytes that the annotations of an object may have together. Source: apimachinery, `TotalAnnotationSizeLimitB`.
const MOST_BYTES: usize = 256 * 1024;

fn check(object: &Object, app: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    let Some(application) = &app.app.application else { return };
    if too_large_for_the_api(object, findings) {
        return;
    }
    let annotation = object.root.at(&["metadata", "annotations", "argocd.argoproj.io/sync-options"]);
    let own = annotation.and_then(Node::as_text).unwrap_or_default().split(',').map(str::trim);
    let options = application.spec(&["syncPolicy", "syncOptions"]);
    let apps = options.map(Node::items).unwrap_or_default();
    let fits = |option: &str| matches!(option, "ServerSideApply=true" | "Replace=true");
    let unknown = options.is_some_and(Node::is_unknown) || annotation.is_some_and(Node::is_unknown);
    if unknown || own.into_iter().any(fits) || apps.iter().any(|option| option.as_text().is_none_or(fits)) {
        return;
    }
    let bytes = size(&object.root);
    if bytes <= MOST_BYTES {
        return;
    }
    let message = format!(
        "{} has more than {} KiB, and Argo CD writes all of it into an annotation, which may have 256: the sync fails, \
         \"metadata.annotations: Too long: must have at most 262144 bytes\"",
        object.id,
        bytes / 1024
    );
    let finding = findings.report(object.name_span(), message);
    if let Some(options) = options {
        finding.related(options.span, "the app's sync options");
    }
    finding.help(
        "write `ServerSideApply=true` in the app's `syncPolicy.syncOptions`, or in the object's annotation \
         `argocd.argoproj.io/sync-options`: nothing is kept in an annotation then",
    );
}

/// The most bytes that the values of a ConfigMap or Secret may have together. Source: kubernetes/kubernetes,
/// `MaxSecretSize` and the validation of ConfigMaps.
const MOST_DATA: usize = 1024 * 1024;

/// Tells of a ConfigMap or Secret that no way to apply it makes small enough.
fn too_large_for_the_api(object: &Object, findings: &mut Findings<'_>) -> bool {
    let is_secret = object.id.is("", "Secret");
    if !is_secret && !object.id.is("", "ConfigMap") {
        return false;
    }
    let entries = |key: &str| object.root.get(key).map(Node::entries).unwrap_or_default();
    let texts = |key: &str| entries(key).iter().filter_map(|entry| entry.value.as_str()).map(str::len).sum::<usize>();
    // Base64 has four letters for three bytes.
    let encoded = texts(if is_secret { "data" } else { "binaryData" }) / 4 * 3;
    let bytes = encoded + texts(if is_secret { "stringData" } else { "data" });
    if bytes <= MOST_DATA {
        return false;
    }
    let message = format!(
        "the values of {} have {} KiB together, and may have 1024: the API server refuses it, \"Too long: must have at most \
         1048576 bytes\"",
        object.id,
        bytes / 1024
    );
    findings.report(object.name_span(), message).help("split it into several, or keep the files elsewhere");
    true
}

/// The bytes that the object has at least as JSON.
fn size(root: &Node) -> usize {
    let mut bytes = 0;
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        bytes += 1;
        match &node.value {
            Value::Scalar(text) => bytes += text.len(),
            Value::Sequence(items) => open.extend(items.iter()),
            Value::Mapping(mapping) => {
                for entry in mapping.iter() {
                    bytes += entry.key.text.len() + 3;
                    open.push(&entry.value);
                }
            }
        }
    }
    bytes
}
