//! See `rules/kustomize/kustomize-manifest-unlisted.md`.

use std::collections::BTreeMap;

use crate::finding::nearest;
use crate::gitops::Standing;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::{RepoPath, Span};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let unlisted = repository.apps.iter().filter(|app| app.app.standing == Standing::Unlisted);
    let mut directories: BTreeMap<RepoPath, BTreeMap<RepoPath, Span>> = BTreeMap::new();
    for object in unlisted.flat_map(|app| &app.objects) {
        let path = &repository.files.sources.file(object.root.span.file).path;
        let Some(directory) = path.parent() else { continue };
        directories.entry(directory).or_default().entry(path.clone()).or_insert(object.name_span());
    }
    for (directory, mut files) in directories {
        let Some(kustomization) = repository.inventory.kustomizations.get(&directory) else { continue };
        let stream = repository.files.stream(*kustomization);
        let Some(root) = stream.documents.first().and_then(|document| document.root.as_ref()) else { continue };
        let Some(resources) = root.as_mapping().and_then(|map| map.entry("resources")) else { continue };
        // Beside a kustomization that lists other directories only, files are kept for something else.
        let names_files = resources.value.items().iter().filter_map(Node::as_text).any(|name| {
            !name.contains("://") && directory.join(name).is_some_and(|path| repository.files.file_at(&path).is_some())
        });
        // A file that a wrong name on the list is meant for is told by `kustomize-resource-missing`.
        let names = resources.value.items().iter().filter_map(Node::as_text).filter(|name| !name.contains("://"));
        let paths = names.filter_map(|name| directory.join(name));
        let absent: Vec<RepoPath> = paths.filter(|path| repository.files.sources.entry(path).is_none()).collect();
        files.retain(|path, _| nearest(path.file_name(), absent.iter().map(RepoPath::file_name)).is_none());
        // A file that a comment names was left out on purpose.
        let text = repository.files.sources.file(*kustomization).text().unwrap_or_default().to_owned();
        files.retain(|path, _| !text.contains(path.file_name()));
        let [first, ..] = &files.keys().map(RepoPath::file_name).collect::<Vec<_>>()[..] else { continue };
        if !names_files {
            continue;
        }
        let message = match files.len() {
            1 => format!("`{first}` lies beside this kustomization but is not listed in it: it is never applied"),
            count => format!(
                "{count} manifests lie beside this kustomization but are not listed in it, `{first}` among them: they \
                 are never applied"
            ),
        };
        let finding = findings.report(resources.key.span, message);
        for (path, span) in files.iter().take(6) {
            finding.related(*span, format!("`{}` is not listed", path.file_name()));
        }
        finding.help(
            "list it under `resources`, delete it, or leave a comment with its name here if it is left out on purpose",
        );
    }
}
