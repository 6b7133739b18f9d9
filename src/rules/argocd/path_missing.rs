//! See `rules/argocd/argocd-path-missing.md`.

use super::nearest::{is_elsewhere, nearest_path};
use crate::finding::Confidence;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::{Entry, RepoPath};
use crate::unresolved::Cause;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, repository: &'a Repository, findings: &mut Findings<'a>) {
    let Some(application) = &app.app.application else { return };
    let sources = &repository.files.sources;
    for source in application.sources() {
        let Some(node) = source.get("path") else { continue };
        let Some(path) = node.as_str().map(str::trim) else { continue };
        let mut missing = app.app.unresolved.iter().filter(|what| what.cause == Cause::Missing);
        if !missing.any(|what| what.span == Some(node.span)) {
            continue;
        }
        if is_elsewhere(source, repository) {
            continue;
        }
        let wanted = RepoPath::root().join(path);
        let entry = wanted.as_ref().and_then(|wanted| sources.entry(wanted));
        // A path that lies on disk, but not among what is read, is a submodule or ignored by git.
        if entry == Some(Entry::Directory)
            || entry.is_none() && wanted.as_ref().is_some_and(|wanted| sources.exists_unlisted(wanted))
        {
            continue;
        }
        let message = format!(
            "there is no directory `{path}` in this repository, so Argo CD has no manifests for `{}`: the app fails with \
             \"app path does not exist\", and what is deployed stays as it is",
            app.app.name
        );
        let span = application.written_at(node);
        let finding = findings.report(span, message);
        // Another branch may have what this one has not.
        let revision = source.get("targetRevision").and_then(Node::as_text).unwrap_or_default();
        if !matches!(revision, "" | "HEAD" | "main" | "master") {
            finding.confidence(Confidence::Medium);
        }
        finding.label(if entry.is_some() { "a file" } else { "no such directory" });
        if span != node.span {
            finding.related(node.span, "used here");
        }
        let home = sources.file(span.file).path.parent().filter(|home| !home.as_str().is_empty());
        match wanted.and_then(|wanted| nearest_path(repository, &wanted, home.as_ref(), true)) {
            Some(nearest) => finding.help(format!("did you mean `{nearest}`?")),
            None => finding.help("write the path from the root of the repository"),
        };
    }
}
