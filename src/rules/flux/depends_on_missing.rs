//! See `rules/flux/flux-depends-on-missing.md`.

use super::world::{World, add_nearest, missing_words};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let world = World::of(repository);
    for kind in ["Kustomization", "HelmRelease"] {
        for (member, app) in world.built(kind) {
            let entries = member.object.root.at(&["spec", "dependsOn"]).map(Node::items).unwrap_or_default();
            for entry in entries {
                let Some(node) = entry.get("name") else { continue };
                let Some(name) = node.as_text() else { continue };
                let namespace = match entry.get("namespace") {
                    Some(namespace) => namespace.as_text().unwrap_or_default(),
                    None => member.namespace,
                };
                let found = world.find(kind, namespace, name, &[]);
                let Some(words) = missing_words(&found, namespace) else { continue };
                let message = format!(
                    "{kind} `{}` waits for the {kind} `{name}`, {words}: Flux reports `dependency not found` and never \
                     applies it",
                    member.object.id.name
                );
                findings.about(Some(app), Some(member.object));
                let finding = findings.report(node.span, message);
                finding.label(format!("no such {kind}"));
                add_nearest(finding, &found);
            }
        }
    }
}
