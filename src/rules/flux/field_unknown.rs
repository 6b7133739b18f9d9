//! See `rules/flux/flux-field-unknown.md`.

use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings, declared_fields};

pub(crate) const CHECK: Check = Check::Object(check);

/// The versions whose fields are known.
const VERSIONS: [&str; 3] =
    ["kustomize.toolkit.fluxcd.io/v1", "helm.toolkit.fluxcd.io/v2", "source.toolkit.fluxcd.io/v1"];

fn check(object: &Object, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    if !object.root.str_at(&["apiVersion"]).is_some_and(|version| VERSIONS.contains(&version)) {
        return;
    }
    for unknown in declared_fields::unknown(object) {
        let message = format!(
            "{} has no field `{}`: Flux is refused by the API server with `.{}: field not declared in schema`, and applies \
             nothing of the Kustomization that holds it",
            object.id, unknown.path, unknown.path
        );
        findings.report(unknown.span, message).label("no such field").help(unknown.help);
    }
}
