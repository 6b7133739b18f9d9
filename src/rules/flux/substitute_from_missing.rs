//! See `rules/flux/flux-substitute-from-missing.md`.

use foldhash::HashMap;

use super::settings::{Deployed, Lost};
use super::world::World;
use crate::finding::Severity;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let world = World::of(repository);
    let mut sources = Vec::new();
    for (member, app) in world.built("Kustomization") {
        let entries = member.object.root.at(&["spec", "postBuild", "substituteFrom"]).map(Node::items);
        for entry in entries.unwrap_or_default() {
            let (Some(kind), Some(node)) = (entry.str_at(&["kind"]), entry.get("name")) else { continue };
            let Some(name) = node.as_text() else { continue };
            let is_optional = entry.get("optional").and_then(Node::as_bool).unwrap_or(false);
            if matches!(kind, "ConfigMap" | "Secret") && !is_optional {
                sources.push((member, app, kind, name, node.span));
            }
        }
    }
    if sources.is_empty() {
        return;
    }
    let deployed = Deployed::of(repository);
    // Settings may be made by what installed the cluster. Where others of a namespace are in Git, they are kept there;
    // a name that several ask for is no slip, and somebody makes it.
    let mut asked: HashMap<(&str, &str), usize> = HashMap::default();
    let mut kept_here: Vec<&str> = Vec::new();
    for (member, _, kind, name, _) in &sources {
        *asked.entry((kind, name)).or_default() += 1;
        if *kind == "ConfigMap" && deployed.holds(kind, member.namespace, name) {
            kept_here.push(member.namespace);
        }
    }
    for (member, app, kind, name, span) in sources {
        let Some(lost) = deployed.lost(kind, member.namespace, name) else { continue };
        let is_alone = asked.get(&(kind, name)) == Some(&1);
        let words = match &lost {
            Lost::Hashed(object) => {
                format!("kustomize generates it as `{}`, and nothing changes the name here", object.id.name)
            }
            Lost::Elsewhere(_, namespace) => {
                format!("that one is in namespace `{namespace}`, and variables come from the Kustomization's own only")
            }
            Lost::Near(_) => "nothing here has this name".to_owned(),
            Lost::Nowhere
                if kind == "ConfigMap" && is_alone && !world.open && kept_here.contains(&member.namespace) =>
            {
                "nothing here has this name".to_owned()
            }
            Lost::Nowhere => continue,
        };
        findings.about(Some(app), Some(member.object));
        let message = format!(
            "Kustomization `{}` takes variables from the {kind} `{name}`, but {words}: Flux reports `substitute from \
             '{kind}/{name}' error`, and applies nothing of it",
            member.object.id.name
        );
        let finding = findings.report(span, message);
        finding.label(format!("no such {kind}"));
        if matches!(lost, Lost::Nowhere) {
            finding.severity(Severity::Warning);
        }
        lost.explain(finding, "set `disableNameSuffixHash` where it is generated: Flux looks for the plain name");
    }
}
