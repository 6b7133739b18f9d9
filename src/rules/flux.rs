//! What rules must know of Flux.

use std::collections::BTreeSet;

use crate::gitops::Declared;
use crate::repository::{BuiltApp, Repository};

/// Names of apps whose texts Flux may change before the cluster gets them: it replaces `${name}`, and a doubled dollar
/// leaves it as one.
pub(crate) fn substituted_apps(repository: &Repository) -> BTreeSet<&str> {
    let substitutes = repository.apps.iter().flat_map(|app| &app.objects).any(|object| {
        object.id.is("kustomize.toolkit.fluxcd.io", "Kustomization") && object.root.at(&["spec", "postBuild"]).is_some()
    });
    let by_flux =
        |app: &&BuiltApp| matches!(app.app.declared, Declared::FluxKustomization(_) | Declared::FluxHelmRelease(_));
    repository.apps.iter().filter(|_| substitutes).filter(by_flux).map(|app| app.app.name.as_str()).collect()
}
