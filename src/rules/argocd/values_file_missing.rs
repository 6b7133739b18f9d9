//! See `rules/argocd/argocd-values-file-missing.md`.

use super::nearest::{is_elsewhere, nearest_path};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::RepoPath;
use crate::unresolved::Cause;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, repository: &'a Repository, findings: &mut Findings<'a>) {
    let Some(application) = &app.app.application else { return };
    let sources = application.sources();
    for source in &sources {
        let Some(helm) = source.get("helm") else { continue };
        let listed = helm.get("valueFiles").map(Node::items).unwrap_or_default().iter();
        let parameters = helm.get("fileParameters").map(Node::items).unwrap_or_default();
        for node in listed.chain(parameters.iter().filter_map(|parameter| parameter.get("path"))) {
            let mut missing = app.app.unresolved.iter().filter(|what| what.cause == Cause::Missing);
            let Some(missing) = missing.find(|what| what.span == Some(node.span)) else { continue };
            let Some(text) = node.as_text() else { continue };
            // The source whose files these are, and the path in it.
            let (owner, start, base) =
                match text.strip_prefix('$').map(|text| text.split_once('/').unwrap_or((text, ""))) {
                    Some((name, path)) => {
                        let owner = sources.iter().find(|sibling| sibling.str_at(&["ref"]) == Some(name));
                        (owner.copied(), format!("${name}/"), RepoPath::root().join(path))
                    }
                    None if text.starts_with('/') => (Some(*source), "/".to_owned(), RepoPath::root().join(text)),
                    None => {
                        let chart = source.str_at(&["path"]).and_then(|path| RepoPath::root().join(path));
                        (Some(*source), String::new(), chart.and_then(|chart| chart.join(text)))
                    }
                };
            if owner.is_some_and(|owner| is_elsewhere(owner, repository))
                || base.as_ref().is_some_and(|path| repository.files.sources.exists_unlisted(path))
            {
                continue;
            }
            let message = format!(
                "{}, so Helm fails and Argo CD has no manifests for `{}`: what is deployed stays as it is",
                missing.reason, app.app.name
            );
            let is_parameter = parameters.iter().any(|parameter| parameter.span.holds(node.span));
            let span = application.written_at(node);
            let finding = findings.report(span, message);
            finding.label(if owner.is_some() { "no such file" } else { "no such source" });
            let home = repository.files.sources.file(span.file).path.parent().filter(|home| !home.as_str().is_empty());
            let nearest = base.filter(|_| owner.is_some());
            match nearest.and_then(|path| nearest_path(repository, &path, home.as_ref(), false)) {
                Some(nearest) if start.is_empty() => finding.help(format!("did you mean the file `{nearest}`?")),
                Some(nearest) => finding.help(format!("did you mean `{start}{nearest}`?")),
                None if owner.is_none() => finding.help("give the source that holds the file a `ref` of this name"),
                None if is_parameter => finding.help("name a file that exists"),
                None => finding.help("name a file that exists, or set `ignoreMissingValueFiles: true`"),
            };
        }
    }
}
