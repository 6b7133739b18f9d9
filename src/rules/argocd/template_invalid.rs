//! See `rules/argocd/argocd-template-invalid.md`.

use std::ops::Range;

use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::{Node, Value};

pub(crate) const CHECK: Check = Check::Repository(check);

/// Parameters of the generators that are often written without a dot.
const PARAMETERS: [&str; 6] = ["name", "nameNormalized", "server", "path", "namespace", "url"];

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    for object in repository.inventory.declarations.iter().filter(|object| object.id.kind == "ApplicationSet") {
        if object.root.at(&["spec", "goTemplate"]).and_then(Node::as_bool) != Some(true) {
            continue;
        }
        findings.about(app_of(repository, object), Some(object));
        let parts = ["template", "templatePatch"].into_iter().filter_map(|key| object.root.at(&["spec", key]));
        let mut waiting: Vec<&Node> = parts.collect();
        while let Some(node) = waiting.pop() {
            match &node.value {
                Value::Scalar(text) => judge(text, node, repository, findings),
                Value::Sequence(items) => waiting.extend(items.iter()),
                Value::Mapping(mapping) => waiting.extend(mapping.iter().map(|entry| &entry.value)),
            }
        }
    }
}

/// An app that the set makes: it says whether the set is only a sample.
fn app_of<'a>(repository: &'a Repository, set: &Object) -> Option<&'a BuiltApp> {
    let place = set.root.span;
    let is_inside = |app: &&BuiltApp| {
        let span = app.app.declared.span();
        app.app.application.is_some()
            && span.is_some_and(|span| span.file == place.file && place.start <= span.start && span.end <= place.end)
    };
    repository.apps.iter().find(is_inside)
}

fn judge(text: &str, node: &Node, repository: &Repository, findings: &mut Findings<'_>) {
    for action in actions(text) {
        let written = text.get(action.clone()).unwrap_or_default();
        let inner = written.trim_start_matches('-').trim_end_matches(" -").trim();
        let field = dashed_field(inner);
        let is_bare = PARAMETERS.contains(&inner.split('.').next().unwrap_or_default())
            && inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
        let (message, help) = match field {
            Some(field) => {
                let (before, name) = field.rsplit_once('.').unwrap_or(("", field));
                let of = if before.is_empty() { "." } else { before };
                (
                    format!("a field of a Go template has no `-`, so the template can't be parsed for `{field}`"),
                    format!("write `index {of} \"{name}\"`, or give the parameter a name without `-`"),
                )
            }
            None if is_bare => (
                format!("to a Go template `{inner}` is a function, and there is none of this name"),
                format!("write `{{{{ .{inner} }}}}`{}", if inner == "path" { ", or `.path.path`" } else { "" }),
            ),
            None => continue,
        };
        let message = format!("{message}: the ApplicationSet makes no Application and changes none");
        let start = action.start + written.find(inner).unwrap_or_default();
        let span = repository.files.part(node, start..start + inner.len()).unwrap_or(node.span);
        findings.report(span, message).label("not a Go template").help(help);
    }
}

/// What stands between `{{` and `}}`, but comments.
fn actions(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.find("{{")).map(|start| at + start + 2) {
        let Some(end) = text.get(start..).and_then(|rest| rest.find("}}")).map(|end| start + end) else { break };
        let is_comment =
            text.get(start..end).is_some_and(|action| action.trim_start_matches(['-', ' ']).starts_with("/*"));
        if !is_comment {
            found.push(start..end);
        }
        at = end + 2;
    }
    found
}

/// The first field with a dash in it, such as `.cert-manager`, outside of quoted text.
fn dashed_field(action: &str) -> Option<&str> {
    if action.contains(['"', '`', '\'']) {
        return None;
    }
    let mut words = action.split(|c: char| c.is_whitespace() || "()|,".contains(c));
    words.find(|word| {
        let rest = word.strip_prefix('.').unwrap_or_default();
        rest.contains('-') && rest.starts_with(|first: char| first.is_ascii_alphabetic())
    })
}
