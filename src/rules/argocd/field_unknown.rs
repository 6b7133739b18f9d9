//! See `rules/argocd/argocd-field-unknown.md`.

use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings, declared_fields};

pub(crate) const CHECK: Check = Check::Object(check);

fn check(object: &Object, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    if object.id.group != "argoproj.io" {
        return;
    }
    for unknown in declared_fields::unknown(object) {
        let message = format!(
            "{} has no field `{}`: the API server refuses it with `unknown field \"{}\"`, or drops the field where \
             validation is off",
            object.id, unknown.path, unknown.path
        );
        findings.report(unknown.span, message).label("no such field").help(unknown.help);
    }
}
