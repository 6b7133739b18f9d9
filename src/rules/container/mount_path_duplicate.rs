//! See `rules/container/container-mount-path-duplicate.md`.

use foldhash::{HashMap, HashMapExt};

use crate::kubernetes::{Object, Pod};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Object(check);

fn check(object: &Object, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    let Some(pod) = Pod::of(object) else { return };
    for container in pod.containers() {
        let mut known: HashMap<&str, &Node> = HashMap::new();
        for path in container.node.get("volumeMounts").map(Node::items).unwrap_or_default() {
            let Some(node) = path.get("mountPath") else { continue };
            let Some(text) = node.as_text().filter(|text| !text.contains(['{', '$'])) else { continue };
            let Some(first) = known.insert(text, node) else { continue };
            let name = container.name().unwrap_or_default();
            let message = format!(
                "the container `{name}` of {} mounts two volumes at `{text}`: the API server refuses it, `mountPath: Invalid \
                 value: \"{text}\": must be unique`",
                object.id
            );
            findings
                .report(node.span, message)
                .label("mounted here already")
                .related(first.span, "the other one")
                .help("mount them at two paths, or make one projected volume of both");
        }
    }
}
