//! See `rules/container/container-env-order.md`.

use foldhash::{HashMap, HashMapExt};

use crate::kubernetes::{Object, Pod};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Object(check);

fn check(object: &Object, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    let Some(pod) = Pod::of(object) else { return };
    for container in pod.containers() {
        let variables = container.node.get("env").map(Node::items).unwrap_or_default();
        // A variable that stands twice is defined where it stands first.
        let mut places: HashMap<&str, (usize, &Node)> = HashMap::new();
        for (at, variable) in variables.iter().enumerate() {
            if let Some((name, node)) = variable.get("name").and_then(|node| Some((node.as_text()?, node))) {
                places.entry(name).or_insert((at, node));
            }
        }
        // With `envFrom`, a name may be known before the list begins.
        let is_known_elsewhere = !container.node.get("envFrom").map(Node::items).unwrap_or_default().is_empty();
        for (at, variable) in variables.iter().enumerate() {
            let Some(value) = variable.get("value") else { continue };
            for name in references(value.as_text().unwrap_or_default()) {
                let Some((_, place)) = places.get(name).filter(|(later, _)| *later > at) else { continue };
                if is_known_elsewhere {
                    continue;
                }
                let own = variable.get("name").and_then(Node::as_text).unwrap_or("?");
                let message = format!(
                    "`{own}` uses $({name}), which is defined only after it, so the container gets the text `$({name})` \
                     in its place"
                );
                findings
                    .report(value.span, message)
                    .related(place.span, "defined here")
                    .help(format!("move `{name}` before `{own}`"));
            }
        }
    }
}

/// Names in `$(NAME)`; `$$(NAME)` is an escape.
fn references(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let after = &rest[at + 1..];
        if let Some(escaped) = after.strip_prefix('$') {
            rest = escaped;
        } else if let Some((name, behind)) = after.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            names.push(name);
            rest = behind;
        } else {
            rest = after;
        }
    }
    names
}
