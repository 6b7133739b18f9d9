//! See `rules/container/container-limit-below-request.md`.

use crate::kubernetes::{Object, Pod, Quantity};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Object(check);

fn check(object: &Object, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    let Some(pod) = Pod::of(object) else { return };
    for container in pod.containers() {
        let limits = container.node.at(&["resources", "limits"]).map(Node::entries).unwrap_or_default();
        for entry in limits {
            let resource = entry.key.text.as_str();
            let Some(request) = container.resource("requests", resource) else { continue };
            let (Some(Ok(limit)), Some(Ok(requested))) = (Quantity::of(&entry.value), Quantity::of(request)) else {
                continue;
            };
            if requested <= limit {
                continue;
            }
            let name = container.name().unwrap_or("?");
            let (limit_text, request_text) = (text(&entry.value), text(request));
            let message = format!(
                "container `{name}` of {} requests {request_text} {resource} and may use only {limit_text}. The API \
                 server refuses the object: `must be less than or equal to {resource} limit of {limit_text}`",
                object.id
            );
            findings
                .report(entry.value.span, message)
                .label("lower than the request")
                .related(request.span, "the request")
                .help(format!("raise the limit to {request_text} or more, or lower the request"));
        }
    }
}

fn text(node: &Node) -> &str {
    node.as_text().unwrap_or_default()
}
