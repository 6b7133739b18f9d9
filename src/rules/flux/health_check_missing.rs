//! See `rules/flux/flux-health-check-missing.md`.

use foldhash::{HashMap, HashMapExt};

use super::world::{World, add_nearest, may_be, missing_words};
use crate::gitops::{Declared, SourceKind};
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let world = World::of(repository);
    let mut by_name: HashMap<(&str, &str), Vec<(&Object, &BuiltApp)>> = HashMap::new();
    let mut by_declaration: HashMap<Span, &BuiltApp> = HashMap::new();
    for app in &repository.apps {
        if let Declared::FluxKustomization(span) = app.app.declared {
            by_declaration.insert(span, app);
        }
        for object in &app.objects {
            by_name.entry((&object.id.kind, &object.id.name)).or_default().push((object, app));
        }
    }
    for (member, app) in world.built("Kustomization") {
        let Some(deployed) = by_declaration.get(&member.object.name_span()) else { continue };
        for entry in member.object.root.at(&["spec", "healthChecks"]).map(Node::items).unwrap_or_default() {
            let text = |key| entry.get(key).and_then(Node::as_text);
            let (Some(kind), Some(name), Some(node)) = (text("kind"), text("name"), entry.get("name")) else {
                continue;
            };
            let namespace = text("namespace").unwrap_or_default();
            let message = |words: &str| {
                let own = &member.object.id.name;
                format!(
                    "Kustomization `{own}` waits until {kind} `{name}` is healthy, {words}: it never becomes Ready, and \
                     all that depends on it waits too"
                )
            };
            findings.about(Some(app), Some(member.object));
            if ["HelmRelease", "Kustomization"].contains(&kind) {
                let found = world.find(kind, namespace, name, &[]);
                let Some(words) = missing_words(&found, namespace) else { continue };
                let finding = findings.report(node.span, message(&words));
                finding.label(format!("no such {kind}"));
                add_nearest(finding, &found);
                continue;
            }
            let same = by_name.get(&(kind, name)).map(Vec::as_slice).unwrap_or_default();
            let is_deployed = same.iter().any(|(object, other)| {
                other.app.declared.span().is_some() && may_be(repository.home_of(other, object), namespace)
            });
            if is_deployed || deployed.objects.is_empty() || repository.config.is_external(kind, namespace, name) {
                continue;
            }
            // A chart or an operator may make an object of any name; but a manifest that lies in the directory and is
            // not part of the build was meant.
            let unlisted = same.iter().find(|(object, _)| lies_in(deployed, object, repository));
            if let Some((object, _)) = unlisted {
                let file = repository.files.sources.file(object.root.span.file);
                let words = format!("but no kustomization of its path lists `{}`", file.path);
                findings
                    .report(node.span, message(&words))
                    .label("not part of the build")
                    .related(object.name_span(), "written here")
                    .help("list the file under `resources`, or take the check out");
            }
        }
    }
}

/// Whether an object is written in the directory that an app builds.
fn lies_in(app: &BuiltApp, object: &Object, repository: &Repository) -> bool {
    let path = repository.files.sources.file(object.root.span.file).path.clone();
    app.app.sources.iter().any(|source| match &source.kind {
        SourceKind::Kustomize { directory, .. } => path.is_within(directory),
        _ => false,
    })
}
