//! See `rules/helm/helm-values-path-missing.md`.

use crate::finding::nearest;
use crate::helm::Release;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::{FileId, RepoPath};
use crate::yaml::{Node, Value};

pub(crate) const CHECK: Check = Check::Release(check);

/// Endings of files that values name.
const ENDINGS: [&str; 10] = [".txt", ".pem", ".crt", ".key", ".json", ".yaml", ".yml", ".env", ".properties", ".perm"];

/// Keys whose paths lie inside a container or on a node, never in the repository.
const INSIDE: [&str; 7] = ["mountPath", "subPath", "subPathExpr", "hostPath", "workingDir", "command", "args"];

fn check(release: &Release, _: &BuiltApp, repository: &Repository, findings: &mut Findings<'_>) {
    let mut open = vec![&release.values];
    while let Some(node) = open.pop() {
        match &node.value {
            Value::Scalar(text) => judge(node, text, repository, findings),
            Value::Sequence(items) => open.extend(items.iter()),
            Value::Mapping(mapping) => {
                let read = mapping.iter().filter(|entry| !INSIDE.contains(&entry.key.text.as_str()));
                open.extend(read.map(|entry| &entry.value));
            }
        }
    }
}

fn judge(node: &Node, text: &str, repository: &Repository, findings: &mut Findings<'_>) {
    let is_path = text.len() < 200
        && text.contains('/')
        && ENDINGS.iter().any(|ending| text.ends_with(ending))
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-'));
    if !is_path || text.starts_with('/') {
        return;
    }
    let Some((path, meant)) = near_miss(node.span.file, text, repository) else { return };
    let message = format!(
        "there is no file `{}`, but one called `{}` beside where it should be: what reads it finds nothing",
        path.as_str(),
        meant.file_name()
    );
    let finding = findings.report(node.span, message);
    if let Some(file) = repository.files.file_at(&meant) {
        finding.related(crate::source::Span::start_of(file.id), "this file");
    }
    finding.help(format!("did you mean `{}`?", meant.file_name()));
}

/// The path that a value names, seen from its own file or from the repository's root, and the file that is likely meant.
/// `None` if the file is there, or nothing like it.
fn near_miss(file: FileId, text: &str, repository: &Repository) -> Option<(RepoPath, RepoPath)> {
    let sources = &repository.files.sources;
    let own = sources.file(file).path.parent()?;
    let paths: Vec<RepoPath> = [own, RepoPath::root()].iter().filter_map(|from| from.join(text)).collect();
    if paths.iter().any(|path| sources.entry(path).is_some() || sources.exists_unlisted(path)) {
        return None;
    }
    paths.into_iter().find_map(|path| {
        let beside = sources.children(&path.parent()?);
        let files = beside.iter().filter(|other| repository.files.file_at(other).is_some());
        let near = nearest(path.file_name(), files.clone().map(RepoPath::file_name))?.to_owned();
        let meant = files.clone().find(|other| other.file_name() == near)?.clone();
        Some((path, meant))
    })
}
