//! Rules about Argo CD's declarations.

pub(super) mod directory_contains_kustomization;
