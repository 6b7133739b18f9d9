//! See `rules/kubernetes/kubernetes-kind-missing.md`.

use super::api_version_missing::{applied, has_object};
use crate::finding::nearest;
use crate::gitops::{FileClass, Standing, standing};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::{Node, Style};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let applied = applied(repository);
    // Where kustomize stops at an object, it says so itself.
    let told: Vec<Span> = repository.apps.iter().flat_map(|app| &app.problems).map(|problem| problem.span).collect();
    let is_told = |root: &Node| told.iter().any(|span| root.span.holds(*span));
    for file in repository.files.sources.files() {
        let is_object = match repository.class(file.id) {
            FileClass::Manifest | FileClass::ArgoCd | FileClass::Flux | FileClass::StaticPod => true,
            FileClass::Other => crate::is_yaml(&file.path),
            _ => false,
        };
        if !is_object || standing(&file.path) != Standing::Deployed {
            continue;
        }
        let stream = repository.files.stream(file.id);
        let holds_objects = applied.contains(&file.path) || has_object(&stream);
        for root in stream.documents.iter().filter_map(|document| document.root.as_ref()).filter(|root| !is_told(root))
        {
            judge(root, holds_objects, findings);
        }
    }
}

fn judge(root: &Node, holds_objects: bool, findings: &mut Findings<'_>) {
    let Some(version) = root.get("apiVersion") else { return };
    let Some(name) = root.at(&["metadata", "name"]) else { return };
    let kind = root.get("kind").filter(|kind| !kind.is_null());
    let effect = "Argo CD and Flux stop at it, and everything beside it waits too";
    for (field, node) in [("kind", kind), ("apiVersion", Some(version))] {
        let Some((node, what)) = node.and_then(|node| Some((node, no_text(node)?))) else { continue };
        let message = format!("the `{field}` of this object is {what}, and must be a text: {effect}");
        findings.report(node.span, message).label("no text").help(format!("write one {field} as a text"));
    }
    if kind.is_some() || !version.as_str().is_some_and(is_version) {
        return;
    }
    let typo = root.entries().iter().find(|entry| nearest(&entry.key.text, ["kind"]).is_some());
    if !holds_objects && typo.is_none() {
        return;
    }
    let place = typo.map_or(name.span, |entry| entry.key.span);
    let message = format!("this object has no `kind`, so it can't be applied, `Object 'Kind' is missing`: {effect}");
    findings.report(place, message).help(match typo {
        Some(_) => "did you mean `kind`?",
        None => "add its `kind`",
    });
}

/// What a value is that is no text; `None` for texts, and for what a template will fill in.
fn no_text(node: &Node) -> Option<&'static str> {
    let is_template = node.style == Style::Flow && node.as_mapping().is_some();
    if node.is_unknown() || node.is_null() || is_template || node.as_str().is_some() {
        return None;
    }
    Some(match () {
        () if node.as_mapping().is_some() => "a map",
        () if node.as_sequence().is_some() => "a list",
        () if node.as_bool().is_some() => "a boolean",
        () => "a number",
    })
}

/// Whether a text is an API version as Kubernetes has them: `v1`, `apps/v1beta2`.
fn is_version(text: &str) -> bool {
    let version = text.rsplit('/').next().unwrap_or_default();
    version.strip_prefix('v').is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
}
