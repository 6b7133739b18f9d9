//! See `rules/argocd/argocd-directory-contains-kustomization.md`.

use crate::gitops::{Declared, SourceKind};
use crate::kubernetes::ObjectId;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, repository: &'a Repository, findings: &mut Findings<'a>) {
    let Declared::ArgoApplication(_) = app.app.declared else { return };
    for source in &app.app.sources {
        let (SourceKind::Directory { files }, Some(span)) = (&source.kind, source.span) else { continue };
        let mut found = files.iter().filter_map(|path| {
            let file = repository.files.file_at(path)?;
            let stream = repository.files.stream(file.id);
            let mut roots = stream.documents.iter().filter_map(|document| document.root.as_ref());
            let root = roots.find(|root| {
                ObjectId::of(root).is_some_and(|id| id.is("kustomize.config.k8s.io", "Kustomization"))
                    || crate::kustomize::FILE_NAMES.contains(&path.file_name())
            })?;
            Some((path, root.get("kind").map_or(root.span, |kind| kind.span)))
        });
        let Some((path, kustomization)) = found.next() else { continue };
        let others = match found.count() {
            0 => String::new(),
            1 => " and one other".to_owned(),
            count => format!(" and {count} others"),
        };
        let message = format!(
            "Argo CD applies every manifest of this directory as it is: `{path}`{others} is not built but sent to the \
             API server, which refuses it, and what it would have patched is applied unpatched"
        );
        let built = path.parent().unwrap_or_default();
        findings
            .report(span, message)
            .label("a directory source")
            .related(kustomization, "not built")
            .help(format!("let `path` name the directory of one kustomization, such as {built}, and drop `directory`"));
    }
}
