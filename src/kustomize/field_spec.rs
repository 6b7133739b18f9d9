//! Which fields kustomize transforms, and the walk to them.

use std::sync::{Arc, OnceLock};

use compact_str::CompactString;

use super::id::Gvk;
use super::scalar::is_nothing;
use crate::source::Span;
use crate::yaml::{Key, Mapping, Node, Style, Tag, Value};

/// A path in objects of some types.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct FieldSpec {
    pub(super) gvk: Gvk,
    pub(super) path: CompactString,
    /// Whether missing parts of the path are made.
    pub(super) create: bool,
}

/// Fields that hold the name of an object of a type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct References {
    /// The type referred to.
    pub(super) referral: Gvk,
    pub(super) fields: Vec<FieldSpec>,
}

/// All fields that transformers look at: kustomize's own, and those that `configurations` and `crds` add.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    pub(super) name_prefix: Vec<FieldSpec>,
    pub(super) name_suffix: Vec<FieldSpec>,
    pub(super) namespace: Vec<FieldSpec>,
    pub(super) common_labels: Vec<FieldSpec>,
    pub(super) labels: Vec<FieldSpec>,
    pub(super) template_labels: Vec<FieldSpec>,
    pub(super) claim_template_labels: Vec<FieldSpec>,
    pub(super) common_annotations: Vec<FieldSpec>,
    pub(super) name_reference: Vec<References>,
    pub(super) var_reference: Vec<FieldSpec>,
    pub(super) images: Vec<FieldSpec>,
    pub(super) replicas: Vec<FieldSpec>,
}

/// Sections of a configuration file that list fields.
const SECTIONS: [&str; 11] = [
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "templateLabels",
    "volumeClaimTemplateLabels",
    "commonAnnotations",
    "varReference",
    "images",
    "replicas",
];

impl Fields {
    /// Kustomize's own table.
    pub(super) fn built_in() -> Arc<Self> {
        static FIELDS: OnceLock<Arc<Fields>> = OnceLock::new();
        Arc::clone(FIELDS.get_or_init(|| {
            let mut fields = Fields::default();
            for line in include_str!("data/field_specs.tsv").lines().filter(|line| !line.starts_with('#')) {
                let columns: Vec<&str> = line.split('\t').collect();
                let column = |at: usize| columns.get(at).copied().unwrap_or_default();
                let spec = FieldSpec {
                    gvk: Gvk::new(column(1), column(2), column(3)),
                    path: column(4).into(),
                    create: column(5) == "+",
                };
                let referral = Gvk::new(column(6), column(7), column(8));
                // Rows of the table never contradict one another.
                let _ = match fields.section(column(0)) {
                    Some(section) => add(section, spec),
                    None => fields.add_reference(&referral, spec),
                };
            }
            Arc::new(fields)
        }))
    }

    /// The list with a configuration file's name; `None` for `nameReference`, which is none, and for unknown names.
    pub(super) fn section(&mut self, name: &str) -> Option<&mut Vec<FieldSpec>> {
        Some(match name {
            "namePrefix" => &mut self.name_prefix,
            "nameSuffix" => &mut self.name_suffix,
            "namespace" => &mut self.namespace,
            "commonLabels" => &mut self.common_labels,
            "labels" => &mut self.labels,
            "templateLabels" => &mut self.template_labels,
            "volumeClaimTemplateLabels" => &mut self.claim_template_labels,
            "commonAnnotations" => &mut self.common_annotations,
            "varReference" => &mut self.var_reference,
            "images" => &mut self.images,
            "replicas" => &mut self.replicas,
            _ => return None,
        })
    }

    /// Adds a field that refers to objects of a type.
    pub(super) fn add_reference(&mut self, referral: &Gvk, spec: FieldSpec) -> Result<(), Conflict> {
        match self.name_reference.iter_mut().find(|references| references.referral == *referral) {
            Some(references) => add(&mut references.fields, spec),
            None => {
                self.name_reference.push(References { referral: referral.clone(), fields: vec![spec] });
                Ok(())
            }
        }
    }

    /// Whether nothing was added yet.
    pub(super) fn is_empty(&self) -> bool {
        self.name_prefix.is_empty() && self.name_reference.is_empty()
    }

    /// Adds everything that a base has; tables that are one and the same cost nothing.
    pub(super) fn merge_shared(own: &mut Arc<Self>, other: &Arc<Self>) -> Result<(), Conflict> {
        if Arc::ptr_eq(own, other) || other.is_empty() {
            return Ok(());
        }
        if own.is_empty() {
            *own = Arc::clone(other);
            return Ok(());
        }
        Arc::make_mut(own).merge((**other).clone())
    }

    /// Sorts rows by type, as upstream does whenever it has merged some.
    pub(super) fn sort(&mut self) {
        for name in SECTIONS {
            if let Some(section) = self.section(name) {
                section.sort_by_cached_key(|spec| super::order::by_kind(&spec.gvk));
            }
        }
    }

    /// Adds everything that `other` has.
    pub(super) fn merge(&mut self, mut other: Fields) -> Result<(), Conflict> {
        for name in SECTIONS {
            let more = other.section(name).map(std::mem::take).unwrap_or_default();
            let Some(section) = self.section(name) else { continue };
            for spec in more {
                add(section, spec)?;
            }
        }
        for references in other.name_reference {
            for spec in references.fields {
                self.add_reference(&references.referral, spec)?;
            }
        }
        self.sort();
        Ok(())
    }
}

/// Two rows for one field that disagree whether it is made.
#[derive(Debug)]
pub(super) struct Conflict;

/// Adds a row unless it is there.
pub(super) fn add(specs: &mut Vec<FieldSpec>, spec: FieldSpec) -> Result<(), Conflict> {
    // Upstream takes a row for known if it has one that is more special.
    match specs.iter().find(|own| own.path == spec.path && own.gvk.is_selected_by(&spec.gvk)) {
        Some(own) if own.create == spec.create => Ok(()),
        Some(_) => Err(Conflict),
        None => {
            specs.push(spec);
            Ok(())
        }
    }
}

/// What stands at the end of a path that is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Leaf {
    Scalar,
    Mapping,
}

/// Splits `a/b\/c` into `a` and `b/c`.
pub(super) fn split_path(path: &str, delimiter: char) -> Vec<String> {
    let path = path.strip_prefix(delimiter).unwrap_or(path);
    let mut parts: Vec<String> = Vec::new();
    let mut continues = false;
    for part in path.split(delimiter) {
        match parts.last_mut().filter(|_| continues) {
            Some(last) => {
                last.pop();
                last.push(delimiter);
                last.push_str(part);
            }
            None => parts.push(part.to_owned()),
        }
        continues = parts.last().is_some_and(|last| last.ends_with('\\'));
    }
    parts
}

/// Calls `set` on every node that `spec` names in the object, missing ones made if it says so. `leaf: None` never makes
/// any. `by` is the place that makes them.
pub(super) fn visit(
    root: &mut Node,
    spec: &FieldSpec,
    leaf: Option<Leaf>,
    by: Span,
    set: &mut dyn FnMut(&mut Node) -> Result<(), String>,
) -> Result<(), String> {
    let path = split_path(&spec.path, '/');
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    let leaf = leaf.filter(|_| spec.create);
    // Looking first keeps what is not there shared with the parsed file.
    if leaf.is_none() && !reaches(root, &parts) {
        return Ok(());
    }
    walk(root, &parts, leaf, by, set)
        .map_err(|error| format!("considering field '{}' of object {}: {error}", spec.path, super::id::ResId::of(root)))
}

fn reaches(node: &Node, path: &[&str]) -> bool {
    let Some((part, rest)) = path.split_first() else { return true };
    match &node.value {
        Value::Mapping(mapping) => {
            let (name, is_list) = part.strip_suffix("[]").map_or((*part, false), |name| (name, true));
            mapping.get(name).is_some_and(|value| is_list && value.is_null() || reaches(value, rest))
        }
        Value::Sequence(items) => items.iter().any(|item| reaches(item, path)),
        // Kustomize refuses to look below a scalar, so the walk has to meet it.
        Value::Scalar(_) => !node.is_null(),
    }
}

fn walk(
    node: &mut Node,
    path: &[&str],
    leaf: Option<Leaf>,
    by: Span,
    set: &mut dyn FnMut(&mut Node) -> Result<(), String>,
) -> Result<(), String> {
    let Some((part, rest)) = path.split_first() else { return set(node) };
    if is_nothing(Some(node)) {
        return Ok(());
    }
    if let Some(items) = node.as_sequence_mut() {
        return items.iter_mut().try_for_each(|item| walk(item, path, leaf, by, set));
    }
    let Some(mapping) = node.as_mapping_mut() else { return Err("expected sequence or mapping node".to_owned()) };
    let (name, is_list) = part.strip_suffix("[]").map_or((*part, false), |name| (name, true));
    if name.is_empty() {
        return Err("cannot set or create an empty field name".to_owned());
    }
    if !is_list && let Some(leaf) = leaf {
        let made = if rest.is_empty() && leaf == Leaf::Scalar {
            // Without a type of its own until something is written.
            Node { tag: Tag::Str, ..Node::new(Value::Scalar("".into()), Style::Plain, by) }
        } else {
            Node::mapping(Mapping::default(), by)
        };
        match mapping.get_mut(name) {
            None => {
                mapping.insert(Key::new(name, by), made);
            }
            Some(value) if value.is_null() => *value = made,
            Some(_) => {}
        }
    }
    match mapping.get_mut(name) {
        Some(value) => {
            if is_list && value.is_null() {
                *value = Node::sequence(Vec::new(), value.span);
            }
            walk(value, rest, leaf, by, set)
        }
        None => Ok(()),
    }
}
