//! Rules about Flux' declarations, and what other rules must know of Flux.

mod settings;
mod variables;
mod world;

pub(super) mod chart_name_invalid;
pub(super) mod depends_on_cycle;
pub(super) mod depends_on_missing;
pub(super) mod field_unknown;
pub(super) mod health_check_missing;
pub(super) mod path_missing;
pub(super) mod source_missing;
pub(super) mod substitute_from_missing;
pub(super) mod substitution_not_enabled;
pub(super) mod substitution_undefined;
pub(super) mod values_from_missing;

use std::collections::BTreeSet;

use crate::gitops::Declared;
use crate::repository::{BuiltApp, Repository};

/// Names of apps whose texts Flux may change before the cluster gets them: it replaces `${name}`, and a doubled dollar
/// leaves it as one.
pub(crate) fn substituted_apps(repository: &Repository) -> BTreeSet<&str> {
    let substitutes = repository
        .objects_of("kustomize.toolkit.fluxcd.io", "Kustomization")
        .any(|(_, object)| object.root.at(&["spec", "postBuild"]).is_some());
    let by_flux =
        |app: &&BuiltApp| matches!(app.app.declared, Declared::FluxKustomization(_) | Declared::FluxHelmRelease(_));
    repository.apps.iter().filter(|_| substitutes).filter(by_flux).map(|app| app.app.name.as_str()).collect()
}
