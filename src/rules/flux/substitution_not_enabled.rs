//! See `rules/flux/flux-substitution-not-enabled.md`.

use std::collections::{BTreeMap, BTreeSet};

use super::variables::{Defined, Use, opts_out, uses};
use super::world::World;
use crate::gitops::{Declared, SourceKind};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let world = World::of(repository);
    let mut defined: BTreeMap<&str, Span> = BTreeMap::new();
    let mut judged = BTreeSet::new();
    for (member, _) in world.built("Kustomization") {
        if world.has_its_variables(member) {
            judged.insert(member.object.name_span());
        }
        for (name, span) in Defined::by(member, repository).names {
            defined.entry(name).or_insert(span);
        }
    }
    // A variable that comes from outside Git is known by those who use it.
    for app in repository.apps.iter().filter(|app| substitutes(app)) {
        for used in app.objects.iter().filter(|object| !opts_out(&object.root)).flat_map(|object| uses(&object.root)) {
            if is_short(&used) {
                defined.entry(used.name).or_insert_with(|| used.span(repository));
            }
        }
    }
    for app in &repository.apps {
        let Declared::FluxKustomization(declaration) = app.app.declared else { continue };
        if !judged.contains(&declaration) {
            continue;
        }
        let source = app
            .app
            .sources
            .iter()
            .find(|source| matches!(&source.kind, SourceKind::Kustomize { substitution: None, .. }));
        let Some(place) = source.and_then(|source| source.span) else { continue };
        // A child's own variables are the child's matter, and a text of several lines may be a program with its own.
        let is_child = |group: &str| group == "kustomize.toolkit.fluxcd.io";
        let objects = app.objects.iter().filter(|object| !opts_out(&object.root) && !is_child(&object.id.group));
        let used = objects
            .flat_map(|object| uses(&object.root))
            .find(|used| defined.contains_key(used.name) && is_short(used));
        let Some(used) = used else { continue };
        let Some(definition) = defined.get(used.name) else { continue };
        findings.about(Some(app), None);
        let message = format!(
            "Kustomization `{}` has no `postBuild`, so `${{{}}}` reaches the cluster as it is written; other \
             Kustomizations substitute it",
            app.app.name, used.name
        );
        findings
            .report(place, message)
            .label("built without substitution")
            .related(used.span(repository), "stays as it is")
            .related(*definition, "others have it")
            .help("add the `postBuild.substituteFrom` or `substitute` that the others have");
    }
}

fn substitutes(app: &BuiltApp) -> bool {
    let has_variables = |kind: &SourceKind| matches!(kind, SourceKind::Kustomize { substitution: Some(_), .. });
    matches!(app.app.declared, Declared::FluxKustomization(_))
        && app.app.sources.iter().any(|source| has_variables(&source.kind))
}

/// Whether the text is a value, not a program or a file.
fn is_short(used: &Use<'_>) -> bool {
    used.node.value_text().is_some_and(|text| !text.contains('\n'))
}
