//! Who reads a file, and so what becomes of a mistake in it.

use crate::gitops::{FileClass, SourceKind};
use crate::repository::Repository;
use crate::source::FileId;

/// A program that reads a file. The controllers decode YAML as the first three do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Consumer {
    /// Helm, through sigs.k8s.io/yaml: lenient, like kubectl.
    Helm,
    /// Kustomize, through go-yaml v3 and kyaml: strict about duplicate keys.
    Kustomize,
    /// kubectl, Argo CD's directory sources, the kubelet.
    Apply,
}

/// Who reads the file; `None` if nobody who deploys.
pub(super) fn consumer(file: FileId, repository: &Repository) -> Option<Consumer> {
    let class = repository.class(file);
    match class {
        FileClass::Values | FileClass::Chart => Some(Consumer::Helm),
        FileClass::Kustomization | FileClass::Component | FileClass::Patch => Some(Consumer::Kustomize),
        class if !class.matters() => None,
        _ if is_kustomized(file, repository) => Some(Consumer::Kustomize),
        _ => Some(Consumer::Apply),
    }
}

/// Whether an app that kustomize builds holds an object of the file, or stumbles over it.
fn is_kustomized(file: FileId, repository: &Repository) -> bool {
    let kustomized = repository
        .apps
        .iter()
        .filter(|app| app.app.sources.iter().any(|source| matches!(source.kind, SourceKind::Kustomize { .. })));
    kustomized.into_iter().any(|app| {
        app.objects.iter().any(|object| object.root.span.file == file)
            || app.problems.iter().any(|problem| problem.span.file == file)
    })
}
