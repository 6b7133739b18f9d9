//! Names that other objects refer to: when an object gets another name, its users follow.

use std::collections::BTreeSet;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};

use super::accumulate::{Accumulator, Engine};
use super::field_spec::{FieldSpec, visit};
use super::id::{Gvk, ResId, text_of};
use super::names::rewrite;
use super::problem::Problem;
use super::resource::Resource;
use super::scalar::is_nothing;
use crate::yaml::{Action, Key, Node, Value};

/// What is needed of a resource that may be referred to.
struct Candidate {
    id: ResId,
    original_namespace: String,
    previous: Vec<ResId>,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
    name: Option<Node>,
    namespace: Option<Node>,
}

/// The object whose references are being looked at.
struct Referrer {
    id: ResId,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
    /// Group and kind of its `roleRef`, if it has both.
    role: Option<Gvk>,
    /// Namespaces that a RoleBinding's subjects lie in.
    subject_namespaces: Vec<String>,
}

impl Engine<'_> {
    /// Rewrites references to objects that have changed their name or namespace.
    pub(super) fn fix_references(&mut self, gathered: &mut Accumulator) {
        let candidates: Vec<Candidate> =
            gathered.resources.list().iter().filter(|resource| !resource.previous.is_empty()).map(candidate).collect();
        let mut by_name: HashMap<&str, Vec<&Candidate>> = HashMap::new();
        for candidate in &candidates {
            let mut names: Vec<&str> = candidate.previous.iter().map(|id| id.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                by_name.entry(name).or_default().push(candidate);
            }
        }
        // Where the objects that started in a namespace are now.
        let mut originals: HashMap<String, BTreeSet<String>> = HashMap::new();
        for resource in gathered.resources.list() {
            let id = resource.id();
            if !id.gvk.is_cluster_scoped() {
                let original = resource.original_id().effective_namespace().to_owned();
                originals.entry(original).or_default().insert(id.effective_namespace().to_owned());
            }
        }
        let fields = Arc::clone(&gathered.fields);
        let mut failures = Vec::new();
        for resource in gathered.resources.all_mut() {
            let original = resource.original_id();
            let referrer = referrer(resource);
            for references in &fields.name_reference {
                for spec in references.fields.iter().filter(|spec| original.gvk.is_selected_by(&spec.gvk)) {
                    let spec = FieldSpec { gvk: Gvk::default(), ..spec.clone() };
                    let finder = Finder {
                        originals: &originals,
                        by_name: &by_name,
                        referrer: &referrer,
                        referral: &references.referral,
                        spec: &spec,
                    };
                    let span = resource.span();
                    let fixed = visit(&mut resource.root, &spec, None, span, &mut |node| finder.fix(node));
                    if let Err(words) = fixed {
                        let words =
                            format!("updating name reference in '{}' field of '{}': {words}", spec.path, referrer.id);
                        failures.push(Problem::fails(span, words));
                    }
                }
            }
        }
        failures.into_iter().for_each(|failure| self.report(failure));
    }
}

fn texts(list: &[compact_str::CompactString]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

fn candidate(resource: &Resource) -> Candidate {
    Candidate {
        id: resource.id(),
        original_namespace: resource.original_id().effective_namespace().to_owned(),
        previous: resource.previous_ids().collect(),
        prefixes: texts(&resource.prefixes),
        suffixes: texts(&resource.suffixes),
        name: resource.root.at(&["metadata", "name"]).cloned(),
        namespace: resource.root.at(&["metadata", "namespace"]).filter(|node| !node.is_null()).cloned(),
    }
}

fn referrer(resource: &Resource) -> Referrer {
    let role = resource
        .root
        .get("roleRef")
        .and_then(|role| Some(Gvk::new(text_of(Some(role.get("apiGroup")?)), "", text_of(Some(role.get("kind")?)))));
    let mut subject_namespaces = Vec::new();
    if resource.gvk().kind == "RoleBinding" {
        for subject in resource.root.get("subjects").map(Node::items).unwrap_or_default() {
            if text_of(subject.get("kind")) == "ServiceAccount" {
                subject_namespaces.extend(subject.get("namespace").and_then(Node::value_text).map(str::to_owned));
            }
        }
    }
    Referrer {
        id: resource.id(),
        prefixes: texts(&resource.prefixes),
        suffixes: texts(&resource.suffixes),
        role,
        subject_namespaces,
    }
}

/// Looks for the object that one field refers to.
struct Finder<'a> {
    originals: &'a HashMap<String, BTreeSet<String>>,
    by_name: &'a HashMap<&'a str, Vec<&'a Candidate>>,
    referrer: &'a Referrer,
    referral: &'a Gvk,
    spec: &'a FieldSpec,
}

impl Finder<'_> {
    fn fix(&self, node: &mut Node) -> Result<(), String> {
        if is_nothing(Some(node)) {
            return Ok(());
        }
        match &node.value {
            Value::Scalar(_) => self.fix_scalar(node),
            Value::Mapping(_) => self.fix_map(node),
            Value::Sequence(items) => {
                // Looking first keeps lists without such names shared.
                let known = |item: &Node| match &item.value {
                    Value::Scalar(text) => self.by_name.contains_key(text.as_str()),
                    Value::Mapping(_) => true,
                    Value::Sequence(_) => true,
                };
                if !items.iter().any(known) {
                    return Ok(());
                }
                node.as_sequence_mut().into_iter().flatten().try_for_each(|item| match &item.value {
                    _ if is_nothing(Some(item)) => Ok(()),
                    Value::Scalar(_) => self.fix_scalar(item),
                    Value::Mapping(_) => self.fix_map(item),
                    Value::Sequence(_) => Err("is expected to be either a string or a map of string".to_owned()),
                })
            }
        }
    }

    fn fix_scalar(&self, node: &mut Node) -> Result<(), String> {
        let old = node.value_text().unwrap_or_default().to_owned();
        let Some(found) = self.select(&old, None)? else { return Ok(()) };
        if found.id.name != old {
            let by = found.name.as_ref().map_or(node.span, |name| name.span);
            rewrite(node, found.id.name.to_string(), Action::ReferenceUpdated, by);
        }
        Ok(())
    }

    fn fix_map(&self, node: &mut Node) -> Result<(), String> {
        let Some(name) = node.get("name") else { return Err("path config error; no 'name' field in node".to_owned()) };
        let old = name.value_text().unwrap_or_default().to_owned();
        let namespace = node.get("namespace").map(|namespace| namespace.value_text().unwrap_or_default().to_owned());
        let Some(found) = self.select(&old, Some(namespace.as_deref()))? else { return Ok(()) };
        let own_namespace = found.id.namespace.as_str();
        if found.id.name == old && own_namespace.is_empty() {
            return Ok(());
        }
        let span = node.span;
        let Some(mapping) = node.as_mapping_mut() else { return Ok(()) };
        let by = found.name.as_ref().map_or(span, |name| name.span);
        if found.id.name != old
            && let Some(name) = mapping.get_mut("name")
        {
            rewrite(name, found.id.name.to_string(), Action::ReferenceUpdated, by);
        }
        if own_namespace.is_empty() || namespace.as_deref() == Some(own_namespace) {
            return Ok(());
        }
        let by = found.namespace.as_ref().map_or(by, |namespace| namespace.span);
        match mapping.get_mut("namespace") {
            Some(node) => rewrite(node, own_namespace.to_owned(), Action::ReferenceUpdated, by),
            None => {
                let mut node = Node::string(own_namespace, by);
                node.changed(Action::ReferenceUpdated, by, None);
                mapping.insert(Key::new("namespace", by), node);
            }
        }
        Ok(())
    }

    /// The object that is meant. `namespace` is given for references that are maps: the one in the map, if any.
    fn select(&self, name: &str, namespace: Option<Option<&str>>) -> Result<Option<&Candidate>, String> {
        let Some(candidates) = self.by_name.get(name) else { return Ok(None) };
        let referrer = self.referrer;
        let could_be_meant = |candidate: &&Candidate| {
            referrer.id.gvk.is_cluster_scoped()
                || candidate.id.gvk.is_cluster_scoped()
                || candidate.id.effective_namespace() == referrer.id.effective_namespace()
                || referrer.subject_namespaces.iter().any(|namespace| *namespace == candidate.id.namespace.as_str())
        };
        let mut candidates: Vec<&Candidate> = candidates.iter().copied().filter(could_be_meant).collect();
        if let Some(Some(namespace)) = namespace {
            // Cluster-scoped objects are in no namespace.
            let scoped = |candidate: &&Candidate| !candidate.id.gvk.is_cluster_scoped();
            let of_original = |candidate: &&Candidate| candidate.original_namespace == namespace && scoped(candidate);
            let any = self.any_in_original(namespace);
            if any {
                candidates.retain(|candidate| of_original(candidate));
            } else {
                candidates.retain(|candidate| candidate.id.effective_namespace() == namespace && scoped(candidate));
            }
        }
        let of_type =
            |candidate: &Candidate, wanted: &Gvk| candidate.previous.iter().any(|id| id.gvk.is_selected_by(wanted));
        candidates.retain(|candidate| of_type(candidate, self.referral));
        if self.spec.path.ends_with("roleRef/name")
            && let Some(role) = &referrer.role
        {
            candidates.retain(|candidate| of_type(candidate, role));
        }
        if !referrer.id.gvk.is_cluster_scoped() {
            candidates.retain(|candidate| {
                candidate.id.gvk.is_cluster_scoped()
                    || candidate.id.gvk.kind == "ServiceAccount"
                    || candidate.id.effective_namespace() == referrer.id.effective_namespace()
            });
        }
        if candidates.len() == 1 {
            return Ok(candidates.first().copied());
        }
        candidates.retain(|candidate| same_ends(candidate, referrer, true));
        if candidates.len() > 1 {
            candidates.retain(|candidate| same_ends(candidate, referrer, false));
        }
        let Some(first) = candidates.first().copied() else { return Ok(None) };
        let identical = candidates.iter().all(|candidate| {
            candidate.id.name == first.id.name && (namespace.is_none() || candidate.id.namespace == first.id.namespace)
        });
        if candidates.len() == 1 || identical {
            return Ok(Some(first));
        }
        let ids: Vec<String> = candidates.iter().map(|candidate| candidate.id.to_string()).collect();
        Err(format!("found multiple possible referrals: {}", ids.join(", ")))
    }

    /// Whether any object that could be meant, renamed or not, started in this namespace.
    fn any_in_original(&self, namespace: &str) -> bool {
        let referrer = self.referrer;
        self.originals.get(namespace).is_some_and(|now| {
            now.iter().any(|now| {
                referrer.id.gvk.is_cluster_scoped()
                    || now == referrer.id.effective_namespace()
                    || referrer.subject_namespaces.contains(now)
            })
        })
    }
}

/// Whether two objects went through the same prefixes and suffixes, as far as both have some.
fn same_ends(candidate: &Candidate, referrer: &Referrer, empty_fits: bool) -> bool {
    let same = |own: &[String], other: &[String]| {
        if own.is_empty() || other.is_empty() {
            return empty_fits || own.is_empty() && other.is_empty();
        }
        own.iter().rev().zip(other.iter().rev()).all(|(own, other)| own == other)
    };
    same(&candidate.prefixes, &referrer.prefixes) && same(&candidate.suffixes, &referrer.suffixes)
}
