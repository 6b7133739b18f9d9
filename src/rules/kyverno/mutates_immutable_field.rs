//! See `rules/kyverno/kyverno-mutates-immutable-field.md`.

use crate::files::Files;
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::{Node, Value};

pub(crate) const CHECK: Check = Check::Object(check);

/// Fields of a pod's spec that may change while it runs (Kubernetes API reference, Pod), by the key they stand under.
const MUTABLE: [&str; 4] = ["activeDeadlineSeconds", "image", "terminationGracePeriodSeconds", "tolerations"];

/// Deepest nesting of a patch that is looked into.
const DEEPEST: usize = 32;

fn check(object: &Object, _: &BuiltApp, repository: &Repository, findings: &mut Findings<'_>) {
    if object.id.group != "kyverno.io" || !matches!(object.id.kind.as_str(), "ClusterPolicy" | "Policy") {
        return;
    }
    for rule in object.root.at(&["spec", "rules"]).map(Node::items).unwrap_or_default() {
        let Some(entry) = rule.as_mapping().and_then(|map| map.entry("mutate")) else { continue };
        let Some(filter) = pods_on_update(rule) else { continue };
        // `targets` changes objects that are there already, on purpose.
        if entry.value.get("targets").is_some()
            || asks_for_operation(rule)
            || !changes_spec(&entry.value, &repository.files)
        {
            continue;
        }
        let name = rule.get("name").and_then(Node::as_text).unwrap_or_default();
        let message = format!(
            "the rule `{name}` changes the spec of pods on every request for them, updates too, and the spec of a pod that \
             runs can't be changed: each update of a pod it would still change is refused with `pod updates may not change \
             fields`, even the removal of a finalizer"
        );
        findings
            .report(entry.key.span, message)
            .label("on updates too")
            .related(filter.span, "without `operations`")
            .help("add `operations: [CREATE]` beside `kinds`");
    }
}

/// The first resource filter of a rule that takes pods on updates.
fn pods_on_update(rule: &Node) -> Option<&Node> {
    let of = |node: &'_ Node| node.get("resources").is_some();
    let matched = rule.get("match")?;
    let lists = ["any", "all"].into_iter().filter_map(|key| matched.get(key)).flat_map(Node::items);
    let filters = lists.chain(Some(matched).filter(|node| of(node))).filter_map(|filter| filter.get("resources"));
    filters.into_iter().find(|filter| {
        let kinds = filter.get("kinds").map(Node::items).unwrap_or_default();
        let is_pod = |kind: &Node| kind.as_text().is_some_and(|kind| kind == "Pod" || kind.ends_with("/Pod"));
        let operations = filter.get("operations").map(Node::items).unwrap_or_default();
        let on_update = operations.iter().any(|operation| operation.as_text() == Some("UPDATE"));
        kinds.iter().any(is_pod) && (operations.is_empty() || on_update)
    })
}

/// Whether the rule looks at the operation itself.
fn asks_for_operation(rule: &Node) -> bool {
    ["preconditions", "context", "exclude"]
        .iter()
        .filter_map(|key| rule.get(key))
        .any(|node| any_text(node, 0, &|text| text.contains("request.operation") || text == "UPDATE"))
}

fn any_text(node: &Node, depth: usize, is_it: &dyn Fn(&str) -> bool) -> bool {
    depth < DEEPEST
        && match &node.value {
            Value::Scalar(text) => is_it(text),
            Value::Sequence(items) => items.iter().any(|item| any_text(item, depth + 1, is_it)),
            Value::Mapping(map) => map.iter().any(|entry| any_text(&entry.value, depth + 1, is_it)),
        }
}

/// Whether the mutation writes to a field of the pod's spec that can't change.
fn changes_spec(mutate: &Node, files: &Files) -> bool {
    let each = mutate.get("foreach").map(Node::items).unwrap_or_default();
    std::iter::once(mutate).chain(each).any(|part| {
        let merged = part.get("patchStrategicMerge").and_then(|patch| patch.get("spec"));
        merged.is_some_and(|spec| writes(spec, 0))
            || part.get("patchesJson6902").is_some_and(|patch| {
                let stream = files.embedded(patch);
                let operations =
                    stream.documents.iter().filter_map(|document| document.root.as_ref()).flat_map(Node::items);
                let mut paths = operations.filter_map(|operation| operation.get("path")?.as_text());
                paths.any(|path| path.starts_with("/spec/") && !path.split('/').any(|key| MUTABLE.contains(&key)))
            })
    })
}

/// Whether a patch of a spec, or of a part of it, writes a field that can't change. Keys in brackets only choose.
fn writes(patch: &Node, depth: usize) -> bool {
    if depth >= DEEPEST {
        return false;
    }
    match &patch.value {
        Value::Scalar(_) => false,
        Value::Sequence(items) => items.iter().any(|item| writes(item, depth + 1)),
        Value::Mapping(map) => map.iter().any(|entry| {
            let key = entry.key.text.as_str();
            let chooses = key.starts_with('(') || key.starts_with("^(") || key == "name";
            let list = matches!(key, "containers" | "initContainers" | "ephemeralContainers");
            match list {
                true => writes(&entry.value, depth + 1),
                false => !chooses && !MUTABLE.contains(&key),
            }
        }),
    }
}
