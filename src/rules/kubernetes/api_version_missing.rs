//! See `rules/kubernetes/kubernetes-api-version-missing.md`.

use std::collections::BTreeSet;

use crate::finding::nearest;
use crate::gitops::{SourceKind, Standing, standing};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::RepoPath;
use crate::yaml::{Node, Stream};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let applied = applied(repository);
    for file in repository.files.sources.files() {
        if !crate::is_yaml(&file.path) || standing(&file.path) != Standing::Deployed {
            continue;
        }
        let stream = repository.files.stream(file.id);
        // A patch with a target needs no apiVersion, so it takes evidence that a file holds whole objects.
        let holds_objects = applied.contains(&file.path) || has_object(&stream);
        for root in stream.documents.iter().filter_map(|document| document.root.as_ref()) {
            judge(root, holds_objects, findings);
        }
    }
}

/// Files that are applied as objects: resources of kustomizations, and what directory sources take.
pub(super) fn applied(repository: &Repository) -> BTreeSet<RepoPath> {
    let mut applied = BTreeSet::new();
    for file in repository.files.sources.files() {
        if !crate::kustomize::FILE_NAMES.contains(&file.path.file_name()) {
            continue;
        }
        let directory = file.path.parent().unwrap_or_default();
        let stream = repository.files.stream(file.id);
        for root in stream.documents.iter().filter_map(|document| document.root.as_ref()) {
            let resources = root.get("resources").map(Node::items).unwrap_or_default();
            applied.extend(resources.iter().filter_map(|entry| directory.join(entry.as_str()?)));
        }
    }
    for source in repository.apps.iter().flat_map(|app| &app.app.sources) {
        if let SourceKind::Directory { files } = &source.kind {
            applied.extend(files.iter().cloned());
        }
    }
    applied
}

pub(super) fn has_object(stream: &Stream) -> bool {
    let roots = stream.documents.iter().filter_map(|document| document.root.as_ref());
    roots.into_iter().any(|root| root.str_at(&["apiVersion"]).is_some() && root.str_at(&["kind"]).is_some())
}

fn judge(root: &Node, holds_objects: bool, findings: &mut Findings<'_>) {
    let Some(kind) = root.get("kind") else { return };
    let is_kind = kind.as_str().is_some_and(|kind| kind.starts_with(|c: char| c.is_ascii_uppercase()));
    if root.get("apiVersion").is_some() || !is_kind || root.at(&["metadata", "name"]).is_none() {
        return;
    }
    let typo = root.entries().iter().find(|entry| nearest(&entry.key.text, ["apiVersion"]).is_some());
    if !holds_objects && typo.is_none() {
        return;
    }
    let kind_text = kind.as_str().unwrap_or_default();
    let message = format!("this {kind_text} has no `apiVersion`, so it can't be applied: `apiVersion not set`");
    match typo {
        Some(entry) => findings.report(entry.key.span, message).help("did you mean `apiVersion`?"),
        None => {
            let finding = findings.report(kind.span, message);
            match crate::kubernetes::api_version_of(kind_text) {
                Some(version) => finding.help(format!("add `apiVersion: {version}`")),
                None => finding.help("add the `apiVersion` of this kind"),
            }
        }
    };
}
