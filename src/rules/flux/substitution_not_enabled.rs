//! See `rules/flux/flux-substitution-not-enabled.md`.

use std::collections::{BTreeMap, BTreeSet};

use super::variables::{Defined, Use, is_setting, is_short, opts_out, uses};
use super::world::World;
use crate::gitops::{Declared, SourceKind};
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::{FileId, Span};
use crate::yaml::{Node, Value};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let world = World::of(repository);
    let mut defined: BTreeMap<&str, Span> = BTreeMap::new();
    let mut judged = BTreeSet::new();
    // Where other Kustomizations of the same file take variables from what is not in Git.
    let mut taken: BTreeMap<FileId, Span> = BTreeMap::new();
    for (member, _) in world.built("Kustomization") {
        if world.has_its_variables(member) {
            judged.insert(member.object.name_span());
        }
        let by_member = Defined::by(member, &world);
        for (name, span) in by_member.names {
            defined.entry(name).or_insert(span);
        }
        let source = member.object.root.at(&["spec", "postBuild", "substituteFrom"]).filter(|_| by_member.open);
        if let Some(name) = source.and_then(|source| source.items().first()?.get("name")) {
            taken.entry(member.object.root.span.file).or_insert(name.span);
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
        let others = taken.get(&declaration.file);
        let definition_of = |object: &Object, used: &Use<'_>| {
            let known = defined.get(used.name).filter(|_| is_short(used));
            known.or_else(|| {
                others.filter(|_| is_short(used) && is_setting(used.name) && !is_read_by_program(object, used))
            })
        };
        let mut found = objects.flat_map(|object| uses(&object.root).into_iter().map(move |used| (object, used)));
        let used = found.find_map(|(object, used)| definition_of(object, &used).map(|definition| (used, *definition)));
        let Some((used, definition)) = used else { continue };
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
            .related(definition, "others have it")
            .help("add the `postBuild.substituteFrom` or `substitute` that the others have");
    }
}

fn substitutes(app: &BuiltApp) -> bool {
    let has_variables = |kind: &SourceKind| matches!(kind, SourceKind::Kustomize { substitution: Some(_), .. });
    matches!(app.app.declared, Declared::FluxKustomization(_))
        && app.app.sources.iter().any(|source| has_variables(&source.kind))
}

/// Whether a program may replace the variable itself: in its command or environment, or in a file that it reads.
fn is_read_by_program(object: &Object, used: &Use<'_>) -> bool {
    const FIELDS: [&str; 8] = ["data", "stringData", "command", "args", "env", "script", "source", "values"];
    fn holds(node: &Node, place: Span, inside: bool) -> bool {
        match &node.value {
            Value::Scalar(_) => inside && node.span == place,
            Value::Sequence(items) => items.iter().any(|item| holds(item, place, inside)),
            Value::Mapping(mapping) => mapping
                .iter()
                .any(|entry| holds(&entry.value, place, inside || FIELDS.contains(&entry.key.text.as_str()))),
        }
    }
    holds(&object.root, used.node.span, false)
}
