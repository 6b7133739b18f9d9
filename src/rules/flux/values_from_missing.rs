//! See `rules/flux/flux-values-from-missing.md`.

use foldhash::{HashMap, HashMapExt};

use super::world::{World, may_be, slip};
use crate::finding::Confidence;
use crate::kubernetes::Object;
use crate::references::{Made, Spread, made};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// Letters of the hash that kustomize puts behind a generated name, and their number.
const HASH: &str = "2456789bcdfghkmt";
const HASH_LENGTH: usize = 10;

/// The ConfigMaps and Secrets that the repository deploys.
struct Deployed<'a> {
    /// By kind.
    objects: HashMap<&'static str, Vec<(&'a Object, &'a str)>>,
    made: Vec<(Made, &'a str)>,
}

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let world = World::of(repository);
    let deployed = Deployed::of(repository);
    for (member, app) in world.built("HelmRelease") {
        if app.problems.iter().any(|problem| problem.loses_objects()) {
            continue;
        }
        for entry in member.object.root.at(&["spec", "valuesFrom"]).map(Node::items).unwrap_or_default() {
            let kind = if entry.str_at(&["kind"]) == Some("Secret") { "Secret" } else { "ConfigMap" };
            let Some(node) = entry.get("name") else { continue };
            let Some(name) = node.as_text() else { continue };
            let is_optional = entry.get("optional").and_then(Node::as_bool).unwrap_or(false);
            if is_optional
                || repository.config.is_external(kind, member.namespace, name)
                || deployed.has(kind, member.namespace, name)
                || kind == "ConfigMap" && repository.inventory.config_maps(name).next().is_some()
            {
                continue;
            }
            let in_namespace = || deployed.of_kind(kind).filter(|(_, namespace)| may_be(namespace, member.namespace));
            let hashed = in_namespace().find(|(object, _)| without_hash(&object.id.name) == Some(name));
            let elsewhere = deployed.of_kind(kind).find(|(object, _)| object.id.name == name);
            let names = in_namespace().map(|(object, _)| without_hash(&object.id.name).unwrap_or(&object.id.name));
            let near = slip(name, names);
            let words = match (hashed, elsewhere, near) {
                (Some((object, _)), ..) => {
                    format!("kustomize generates it as `{}`, and nothing changes the name here", object.id.name)
                }
                (_, Some((_, namespace)), _) => {
                    format!("that one is in namespace `{namespace}`, and values come from the release's own only")
                }
                (_, _, Some(_)) => "nothing here has this name".to_owned(),
                _ if kind == "Secret" || world.open || in_namespace().next().is_none() => continue,
                _ => "nothing here has this name".to_owned(),
            };
            findings.about(Some(app), Some(member.object));
            let message = format!(
                "HelmRelease `{}` takes values from the {kind} `{name}`, but {words}: Flux reports `could not find \
                 {kind}` and installs nothing",
                member.object.id.name
            );
            let finding = findings.report(node.span, message);
            finding.label(format!("no such {kind}"));
            let near = near.and_then(|near| {
                in_namespace().find(|(object, _)| without_hash(&object.id.name).unwrap_or(&object.id.name) == near)
            });
            if let Some((object, _)) = hashed.or(elsewhere).or(near) {
                finding.related(object.name_span(), object.id.to_string());
            }
            match (hashed, elsewhere, near) {
                (Some(_), ..) => finding.help(
                    "let the kustomization that generates it hold the HelmRelease too, with a nameReference for \
                     `spec/valuesFrom/name`; or set `disableNameSuffixHash`",
                ),
                (_, None, Some((object, _))) => {
                    let right = without_hash(&object.id.name).unwrap_or(&object.id.name);
                    finding.help(format!("did you mean `{right}`?"))
                }
                (_, None, None) => finding.confidence(Confidence::Medium),
                _ => finding,
            };
        }
    }
}

impl<'a> Deployed<'a> {
    fn of(repository: &'a Repository) -> Self {
        let mut deployed = Self { objects: HashMap::new(), made: Vec::new() };
        for app in &repository.apps {
            for object in &app.objects {
                let namespace = app.namespace_of(object);
                for kind in ["ConfigMap", "Secret"] {
                    if object.id.is("", kind) {
                        deployed.objects.entry(kind).or_default().push((object, namespace));
                    }
                }
                let made = made(object).into_iter().filter(|made| matches!(made.kind, "ConfigMap" | "Secret"));
                deployed.made.extend(made.map(|made| (made, namespace)));
            }
        }
        deployed
    }

    fn of_kind(&self, kind: &str) -> impl Iterator<Item = (&'a Object, &'a str)> {
        self.objects.get(kind).into_iter().flatten().copied()
    }

    fn has(&self, kind: &str, namespace: &str, name: &str) -> bool {
        let is_object = self.of_kind(kind).any(|(object, own)| {
            let is_unknown = object.id.name.is_empty() || object.id.name.contains("${");
            (is_unknown || object.id.name == name) && may_be(own, namespace)
        });
        is_object
            || self.made.iter().any(|(made, own)| {
                let in_namespace = match &made.spread {
                    Spread::Same => may_be(own, namespace),
                    Spread::Namespace(own) => may_be(own, namespace),
                    Spread::Any => true,
                };
                let starts = made.name.strip_suffix('*').is_some_and(|start| name.starts_with(start));
                let ends = made.name.strip_prefix('*').is_some_and(|end| name.ends_with(end));
                made.kind == kind && in_namespace && (starts || ends || made.name == name)
            })
    }
}

/// The name before kustomize put a hash behind it; `None` if there is none.
fn without_hash(name: &str) -> Option<&str> {
    let (start, hash) = name.rsplit_once('-')?;
    (hash.len() == HASH_LENGTH && hash.chars().all(|letter| HASH.contains(letter))).then_some(start)
}
