//! See `rules/flux/flux-values-from-missing.md`.

use std::cell::LazyCell;

use super::settings::{Deployed, Lost};
use super::world::World;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let world = World::of(repository);
    // Most repositories have no such list, and then nothing needs to be looked through.
    let deployed = LazyCell::new(|| Deployed::of(repository));
    for (member, app) in world.built("HelmRelease") {
        if app.problems.iter().any(|problem| problem.loses_objects()) {
            continue;
        }
        for entry in member.object.root.at(&["spec", "valuesFrom"]).map(Node::items).unwrap_or_default() {
            let kind = if entry.str_at(&["kind"]) == Some("Secret") { "Secret" } else { "ConfigMap" };
            let Some(node) = entry.get("name") else { continue };
            let Some(name) = node.as_text() else { continue };
            if entry.get("optional").and_then(Node::as_bool).unwrap_or(false) {
                continue;
            }
            let Some(lost) = deployed.lost(kind, member.namespace, name) else { continue };
            let words = match &lost {
                Lost::Hashed(object) => {
                    format!("kustomize generates it as `{}`, and nothing changes the name here", object.id.name)
                }
                Lost::Elsewhere(_, namespace) => {
                    format!("that one is in namespace `{namespace}`, and values come from the release's own only")
                }
                Lost::Nowhere if kind == "Secret" || world.open => continue,
                Lost::Near(_) | Lost::Nowhere => "nothing here has this name".to_owned(),
            };
            findings.about(Some(app), Some(member.object));
            let message = format!(
                "HelmRelease `{}` takes values from the {kind} `{name}`, but {words}: Flux reports `could not find \
                 {kind}` and installs nothing",
                member.object.id.name
            );
            let finding = findings.report(node.span, message);
            finding.label(format!("no such {kind}"));
            lost.explain(
                finding,
                "let the kustomization that generates it hold the HelmRelease too, with a nameReference for \
                 `spec/valuesFrom/name`; or set `disableNameSuffixHash`",
            );
        }
    }
}
