//! See `rules/flux/flux-substitution-not-enabled.md`.

use std::collections::BTreeMap;

use super::variables::{Defined, opts_out, uses};
use super::world::World;
use crate::gitops::{Declared, SourceKind};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::Span;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let world = World::of(repository);
    let mut defined: BTreeMap<&str, Span> = BTreeMap::new();
    for (member, _) in world.built("Kustomization") {
        for (name, span) in Defined::by(member, repository).names {
            defined.entry(name).or_insert(span);
        }
    }
    for app in &repository.apps {
        let Declared::FluxKustomization(_) = app.app.declared else { continue };
        let source = app
            .app
            .sources
            .iter()
            .find(|source| matches!(&source.kind, SourceKind::Kustomize { substitution: None, .. }));
        let Some(place) = source.and_then(|source| source.span) else { continue };
        // A child's own variables are the child's matter, and a text of several lines may be a program with its own.
        let is_child = |group: &str| group == "kustomize.toolkit.fluxcd.io";
        let objects = app.objects.iter().filter(|object| !opts_out(&object.root) && !is_child(&object.id.group));
        let used = objects.flat_map(|object| uses(&object.root)).find(|used| {
            defined.contains_key(used.name) && !used.node.value_text().is_some_and(|text| text.contains('\n'))
        });
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
            .related(*definition, "defined for others")
            .help("add the `postBuild.substituteFrom` or `substitute` that the others have");
    }
}
