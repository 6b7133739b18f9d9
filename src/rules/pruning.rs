//! What a controller does with an object that leaves Git.

use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Placed, Repository};
use crate::source::{RepoPath, Span};
use crate::yaml::{Action, Node};

/// What an app does with what is no longer part of it, and where that is said.
pub(super) enum Pruning {
    /// It deletes it.
    Deletes(Span),
    /// It leaves it in the cluster.
    Keeps(Span),
    /// It leaves it there until somebody syncs by hand and asks for more.
    ByHand(Span),
}

impl Pruning {
    /// What an app does; `None` where nobody says, or it can't be known.
    pub(super) fn of(app: &BuiltApp, repository: &Repository) -> Option<Self> {
        if let Some(application) = &app.app.application {
            let name = application.object.name_span();
            let automated = application.spec(&["syncPolicy", "automated"]).filter(|automated| !automated.is_null());
            let Some(automated) = automated else { return Some(Self::ByHand(name)) };
            let is_off = automated.get("enabled").is_some_and(|enabled| enabled.as_bool() == Some(false));
            let place = automated.get("prune").map_or(automated.span, |prune| prune.span);
            return match automated.get("prune") {
                _ if automated.is_unknown() => None,
                _ if is_off => Some(Self::ByHand(name)),
                Some(prune) if prune.is_unknown() => None,
                Some(prune) if prune.as_bool() == Some(true) => Some(Self::Deletes(application.written_at(prune))),
                _ => Some(Self::Keeps(place)),
            };
        }
        let prune = repository.flux_kustomization(app)?.root.at(&["spec", "prune"])?;
        match prune.as_bool()? {
            true => Some(Self::Deletes(prune.span)),
            false => Some(Self::Keeps(prune.span)),
        }
    }
}

/// Whether an object says itself that nobody shall delete it when it leaves Git.
pub(super) fn is_protected(gone: Placed<'_>) -> bool {
    let options = gone.annotation("argocd.argoproj.io/sync-options").unwrap_or_default();
    options.split(',').any(|option| option.trim() == "Prune=false")
        || gone
            .annotation("kustomize.toolkit.fluxcd.io/prune")
            .is_some_and(|prune| prune.eq_ignore_ascii_case("disabled"))
}

/// Whether the name holds a hash of the content, so that each change leaves one of these behind.
pub(super) fn is_hashed(object: &Object) -> bool {
    let name = object.root.at(&["metadata", "name"]);
    name.is_some_and(|name| name.history.changes().iter().any(|change| change.action == Action::Hashed))
}

/// Where an object of then was probably taken out: the list of resources in the kustomization beside its file, if that is
/// still there.
pub(super) fn lost_from(gone: Placed<'_>, then: &Repository, now: &Repository) -> Option<Span> {
    let path: RepoPath = then.files.sources.file(gone.object.root.span.file).path.clone();
    let file = now.inventory.kustomizations.get(&path.parent()?)?;
    let stream = now.files.stream(*file);
    let root = stream.documents.first()?.root.as_ref()?;
    let resources = root.as_mapping()?.entry("resources").map(|entry| entry.key.span);
    resources.or_else(|| root.entries().first().map(|entry| entry.key.span))
}

/// `a`, `a and b`, `a, b and 3 more`.
pub(super) fn some_of(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [one, other] => format!("{one} and {other}"),
        [one, other, third] => format!("{one}, {other} and {third}"),
        [one, other, rest @ ..] => format!("{one}, {other} and {} more", rest.len()),
    }
}

/// The name of the kind and group that a CustomResourceDefinition defines.
pub(super) fn defines(object: &Object) -> Option<(&str, &str)> {
    let spec = object.root.get("spec").filter(|_| object.id.is("apiextensions.k8s.io", "CustomResourceDefinition"))?;
    Some((spec.str_at(&["group"])?, spec.at(&["names", "kind"]).and_then(Node::as_str)?))
}
