//! See `rules/argocd/argocd-path-empty.md`.

use super::nearest::is_pinned;
use crate::gitops::SourceKind;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::{Entry, RepoPath};

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, repository: &'a Repository, findings: &mut Findings<'a>) {
    let Some(application) = &app.app.application else { return };
    let sources = &repository.files.sources;
    for node in application.sources() {
        let (Some(path), false) = (node.get("path"), is_pinned(node)) else { continue };
        let mut built = app.app.sources.iter().filter(|source| source.span == Some(path.span));
        let what = match built.next().map(|source| &source.kind) {
            // A pattern may well find nothing: ApplicationSets ask every directory alike.
            Some(SourceKind::Directory { files })
                if files.is_empty() && node.at(&["directory", "include"]).is_none() && node.get("plugin").is_none() =>
            {
                "holds no manifest"
            }
            Some(SourceKind::Kustomize { .. })
                if app.app.sources.len() == 1
                    && app.objects.is_empty()
                    && app.releases.is_empty()
                    && app.problems.is_empty()
                    && app.is_complete() =>
            {
                "holds a kustomization that builds nothing"
            }
            _ => continue,
        };
        let Some(directory) = path.as_str().and_then(|path| RepoPath::root().join(path.trim())) else { continue };
        let is_jsonnet = |child: &RepoPath| matches!(child.extension(), Some("jsonnet" | "libsonnet"));
        if sources.entry(&directory) != Some(Entry::Directory) || sources.children(&directory).iter().any(is_jsonnet) {
            continue;
        }
        let message =
            format!("`{directory}` {what}, so `{}` is Synced and Healthy while it deploys nothing", app.app.name);
        let span = application.written_at(path);
        let below = repository
            .inventory
            .kustomizations
            .keys()
            .find(|below| below.is_within(&directory) && **below != directory);
        let finding = findings.report(span, message);
        finding.label("nothing to deploy here");
        match below {
            Some(below) => finding.help(format!("name the directory to deploy, such as `{below}`")),
            None => {
                finding.help(format!("put the manifests into `{directory}`, or name the directory that holds them"))
            }
        };
    }
}
