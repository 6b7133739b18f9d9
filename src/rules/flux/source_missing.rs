//! See `rules/flux/flux-source-missing.md`.

use foldhash::{HashMap, HashMapExt};

use super::world::{Found, Member, World, add_nearest, missing_words};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// Where each kind names its source.
const PLACES: [(&str, &[&str]); 4] = [
    ("Kustomization", &["spec", "sourceRef"]),
    ("HelmRelease", &["spec", "chart", "spec", "sourceRef"]),
    ("HelmRelease", &["spec", "chartRef"]),
    ("HelmChart", &["spec", "sourceRef"]),
];

/// Kinds that a cluster's bootstrap makes without Git.
const BOOTSTRAPPED: [&str; 3] = ["GitRepository", "OCIRepository", "Bucket"];

/// How many times as often another name must be used for a name to look odd beside it.
const RARE: usize = 3;

struct Reference<'a> {
    member: Member<'a>,
    app: &'a BuiltApp,
    node: &'a Node,
    kind: &'a str,
    name: &'a str,
    namespace: &'a str,
}

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let world = World::of(repository);
    let references = references(&world);
    let mut uses: HashMap<(&str, &str), usize> = HashMap::new();
    let mut uses_of_kind: HashMap<&str, usize> = HashMap::new();
    for reference in &references {
        *uses.entry((reference.kind, reference.name)).or_default() += 1;
        *uses_of_kind.entry(reference.kind).or_default() += 1;
    }
    let mut most_uses: HashMap<&str, usize> = HashMap::new();
    for ((kind, _), count) in &uses {
        let most = most_uses.entry(kind).or_default();
        *most = (*most).max(*count);
    }
    // What most references of a kind name is there, though perhaps only the bootstrap made it.
    let is_usual = |kind: &str, name: &str| {
        let of_kind = uses_of_kind.get(kind).copied().unwrap_or_default();
        BOOTSTRAPPED.contains(&kind) && 2 * uses.get(&(kind, name)).copied().unwrap_or_default() > of_kind
    };
    let is_rare = |kind: &str, name: &str| {
        let own = uses.get(&(kind, name)).copied().unwrap_or_default();
        BOOTSTRAPPED.contains(&kind) && most_uses.get(kind).is_some_and(|most| *most >= RARE * own)
    };
    let mut usual: Vec<(&str, &str)> = uses.keys().copied().filter(|(kind, name)| is_usual(kind, name)).collect();
    usual.extend(uses.keys().copied().filter(|(kind, name)| BOOTSTRAPPED.contains(kind) && *name == "flux-system"));
    for Reference { member, app, node, kind, name, namespace } in references {
        let known: Vec<&str> = usual.iter().filter(|(other, _)| *other == kind).map(|(_, name)| *name).collect();
        let mut found = world.find(kind, namespace, name, &known);
        // Where no such object is in Git at all, only the names that others use tell what is there.
        let is_odd =
            matches!(found, Found::There) && !world.open && is_rare(kind, name) && world.is_unheard_of(kind, name);
        if is_odd {
            found = Found::Missing;
        }
        let Some(words) = missing_words(&found, namespace) else { continue };
        let consequence = match member.object.id.kind.as_str() {
            "Kustomization" => "Flux applies nothing of it",
            _ => "Flux gets no chart and installs nothing",
        };
        let own = &member.object.id;
        let message =
            format!("{} `{}` takes its source from the {kind} `{name}`, {words}: {consequence}", own.kind, own.name);
        findings.about(Some(app), Some(member.object));
        let finding = findings.report(node.span, message);
        finding.label(format!("no such {kind}"));
        add_nearest(finding, &found);
        match (&found, known.first()) {
            (Found::Missing, Some(usual)) => {
                finding.help(format!("the others use `{usual}`"));
            }
            (Found::OtherKind(other), _) => {
                finding.help(format!("write `kind: {}`", other.object.id.kind));
            }
            _ => {}
        }
    }
}

fn references<'a>(world: &World<'a>) -> Vec<Reference<'a>> {
    let mut all = Vec::new();
    for (of, path) in PLACES {
        for (member, app) in world.built(of) {
            let Some(reference) = member.object.root.at(path) else { continue };
            let (Some(kind), Some(node)) = (reference.str_at(&["kind"]), reference.get("name")) else { continue };
            let Some(name) = node.as_text() else { continue };
            let namespace = match reference.get("namespace") {
                Some(namespace) => namespace.as_text().unwrap_or_default(),
                None => member.namespace,
            };
            all.push(Reference { member, app, node, kind, name, namespace });
        }
    }
    all
}
