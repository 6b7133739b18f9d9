//! See `rules/argocd/argocd-project-invalid.md`.

use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Object(check);

/// `maxLength` of `spec.description` in Argo CD's CustomResourceDefinition, in characters.
const MAX_DESCRIPTION: usize = 255;

fn check(object: &Object, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    if !object.id.is("argoproj.io", "AppProject") {
        return;
    }
    let Some(node) = object.root.at(&["spec", "description"]) else { return };
    let length = node.as_str().map_or(0, |text| text.chars().count());
    if length > MAX_DESCRIPTION {
        let message = format!(
            "the description has {length} characters, and an AppProject may have {MAX_DESCRIPTION}: the API server refuses \
             the project, and every Application in it stays without one"
        );
        findings.report(node.span, message).label("too long").help("shorten the description, or write it as a comment");
    }
}
