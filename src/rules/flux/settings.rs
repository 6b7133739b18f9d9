//! The ConfigMaps and Secrets that declarations of Flux take settings from, and what became of one that is not there.

use super::world::{may_be, slip};
use crate::finding::{Confidence, Finding};
use crate::kubernetes::Object;
use crate::references::{Made, Spread, made};
use crate::repository::Repository;

/// Letters of the hash that kustomize puts behind a generated name, and their number.
const HASH: &str = "2456789bcdfghkmt";
const HASH_LENGTH: usize = 10;

/// The ConfigMaps and Secrets that the repository deploys.
pub(super) struct Deployed<'a> {
    /// What others make, each with the namespace of its maker.
    made: Vec<(Made, &'a str)>,
    repository: &'a Repository,
}

/// Why a ConfigMap or Secret is not found, with the object that was probably meant.
pub(super) enum Lost<'a> {
    /// kustomize generates it, under another name.
    Hashed(&'a Object),
    /// It is in another namespace.
    Elsewhere(&'a Object, &'a str),
    /// Its name differs by a slip of the hand.
    Near(&'a Object),
    /// Nothing is like it, though the namespace has others of the kind.
    Nowhere,
}

impl<'a> Deployed<'a> {
    /// Reads the objects of every app.
    pub(super) fn of(repository: &'a Repository) -> Self {
        let mut deployed = Self { made: Vec::new(), repository };
        for app in &repository.apps {
            for object in &app.objects {
                let namespace = app.namespace_of(object);
                let made = made(object).into_iter().filter(|made| matches!(made.kind, "ConfigMap" | "Secret"));
                deployed.made.extend(made.map(|made| (made, namespace)));
            }
        }
        deployed
    }

    /// What became of an object that a declaration in this namespace names; `None` if it is there, or may be.
    pub(super) fn lost(&self, kind: &str, namespace: &str, name: &str) -> Option<Lost<'a>> {
        // What is written but not built may come there in a way that is not known.
        let mut written = self.repository.inventory.config_maps(name);
        if self.repository.config.is_external(kind, namespace, name)
            || self.has(kind, namespace, name)
            || kind == "ConfigMap" && written.any(|object| may_be(&object.id.namespace, namespace))
        {
            return None;
        }
        let in_namespace = || self.of_kind(kind).filter(|(_, own)| may_be(own, namespace)).map(|(object, _)| object);
        if let Some(object) = in_namespace().find(|object| without_hash(&object.id.name) == Some(name)) {
            return Some(Lost::Hashed(object));
        }
        if let Some((object, own)) = self.of_kind(kind).find(|(object, _)| object.id.name == name) {
            return Some(Lost::Elsewhere(object, own));
        }
        if let Some(near) = slip(name, in_namespace().map(plain_name)) {
            return in_namespace().find(|object| plain_name(object) == near).map(Lost::Near);
        }
        in_namespace().next().map(|_| Lost::Nowhere)
    }

    /// Whether an object of this kind and name is in Git and may be in the namespace.
    pub(super) fn holds(&self, kind: &str, namespace: &str, name: &str) -> bool {
        self.of_kind(kind).any(|(object, own)| object.id.name == name && may_be(own, namespace))
    }

    fn of_kind(&self, kind: &str) -> impl Iterator<Item = (&'a Object, &'a str)> {
        self.repository.objects_of("", kind).map(|(app, object)| (object, app.namespace_of(object)))
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

impl<'a> Lost<'a> {
    /// Adds the place of what was probably meant, and what to write.
    pub(super) fn explain(&self, finding: &mut Finding, hashed: &str) {
        if let Self::Hashed(object) | Self::Elsewhere(object, _) | Self::Near(object) = self {
            finding.related(object.name_span(), object.id.to_string());
        }
        match self {
            Self::Hashed(_) => finding.help(hashed),
            Self::Near(object) => finding.help(format!("did you mean `{}`?", plain_name(object))),
            Self::Nowhere => finding.confidence(Confidence::Medium),
            Self::Elsewhere(..) => finding,
        };
    }
}

/// The name that a person wrote.
fn plain_name(object: &Object) -> &str {
    without_hash(&object.id.name).unwrap_or(&object.id.name)
}

/// The name before kustomize put a hash behind it; `None` if there is none.
fn without_hash(name: &str) -> Option<&str> {
    let (start, hash) = name.rsplit_once('-')?;
    (hash.len() == HASH_LENGTH && hash.chars().all(|letter| HASH.contains(letter))).then_some(start)
}
