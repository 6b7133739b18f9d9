//! Strategic merge patches, as kustomize applies them.
//!
//! The merge walks over the whole object, also where the patch is silent: blank values go, and lists merged by key lose
//! duplicates. That is upstream's behaviour (`kyaml/yaml/walk`, `merge2`), not a choice made here. Lists merged by key
//! are in `merge_list.rs`.

use compact_str::CompactString;
use foldhash::{HashMap, HashMapExt};

use super::merge_keys::{Schema, Schemas, in_comment};
use super::merge_list;
use super::scalar::is_nothing;
use crate::files::Files;
use crate::source::Span;
use crate::yaml::{Action, Entry, Key, Mapping, Node, Value};

/// Why a patch can't be applied.
#[derive(Debug)]
pub(super) struct Mismatch {
    pub(super) span: Span,
    pub(super) why: String,
    /// Whether kustomize would manage and only presync does not.
    pub(super) unsupported: bool,
}

/// One application of a patch.
pub(super) struct Merge<'a> {
    pub(super) schemas: &'a Schemas,
    /// For comments, which can say how a list is merged.
    pub(super) files: &'a Files,
    /// Elements that the patch appended to a list merged by key: the list's name and the element's place.
    pub(super) appended: Vec<(String, Node)>,
    /// Elements of lists merged by key that are lost.
    pub(super) lost: Vec<Lost>,
    /// Directives that do nothing.
    pub(super) idle: Vec<Span>,
}

/// An element of a list merged by key that is not in the result though nothing asks for its removal.
#[derive(Debug)]
pub(super) struct Lost {
    /// The list's name.
    pub(super) list: String,
    pub(super) element: Span,
    /// Whether the patch brought it; else the object had it.
    pub(super) of_patch: bool,
    /// The keys by which the list is merged.
    pub(super) keys: Vec<String>,
    /// The one that some of the elements lack.
    pub(super) missing: Option<String>,
}

impl<'a> Merge<'a> {
    pub(super) fn new(schemas: &'a Schemas, files: &'a Files) -> Self {
        Self { schemas, files, appended: Vec::new(), lost: Vec::new(), idle: Vec::new() }
    }
}

/// What `$patch` asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Directive {
    Merge,
    Replace,
    Delete,
}

pub(super) type Merged = Result<Option<Node>, Mismatch>;

const DIRECTIVE: &str = "$patch";

fn directive(node: &Node) -> Result<Option<Directive>, Mismatch> {
    match node.value_text() {
        Some("merge") => Ok(Some(Directive::Merge)),
        Some("replace") => Ok(Some(Directive::Replace)),
        Some("delete") => Ok(Some(Directive::Delete)),
        other => {
            let why = format!("unknown patch strategy '{}'", other.unwrap_or_default());
            Err(Mismatch { span: node.span, why, unsupported: false })
        }
    }
}

/// Takes the directive out of a patch's map.
pub(super) fn take_directive(patch: &mut Node) -> Result<Directive, Mismatch> {
    let Some(found) = patch.get(DIRECTIVE) else { return Ok(Directive::Merge) };
    let found = directive(found)?;
    if let Some(mapping) = patch.as_mapping_mut() {
        mapping.retain(|entry| entry.key.text != DIRECTIVE);
    }
    Ok(found.unwrap_or(Directive::Merge))
}

/// Takes a directive element `- $patch: replace` out of a patch's list.
pub(super) fn take_list_directive(patch: &mut Node) -> Result<Directive, Mismatch> {
    let Some(found) = patch.items().iter().find_map(|item| item.get(DIRECTIVE).map(|value| (item, value))) else {
        return Ok(Directive::Merge);
    };
    // Next to other keys it belongs to the element.
    if found.0.entries().len() > 1 {
        return Ok(Directive::Merge);
    }
    let text = found.1.value_text().unwrap_or_default().to_owned();
    let directive = directive(found.1)?;
    if let Some(items) = patch.as_sequence_mut() {
        items.retain(|item| {
            !is_nothing(Some(item))
                && item.as_mapping().is_none_or(|mapping| {
                    !mapping.is_empty() && mapping.get(DIRECTIVE).and_then(Node::value_text) != Some(text.as_str())
                })
        });
    }
    Ok(directive.unwrap_or(Directive::Merge))
}

/// What a node is, in the words of kustomize's YAML library.
pub(super) fn kind_name(node: &Node) -> &'static str {
    match node.value {
        Value::Scalar(_) => "ScalarNode",
        Value::Sequence(_) => "SequenceNode",
        Value::Mapping(_) => "MappingNode",
    }
}

impl Merge<'_> {
    /// Applies `patch` to `dest`. `None` means that nothing is left.
    pub(super) fn merge(&mut self, dest: Option<Node>, patch: Option<Node>, schema: Schema, name: &str) -> Merged {
        let schema = self.schemas.or_by_type(schema, [dest.as_ref(), patch.as_ref()]);
        let real = |node: &Option<Node>| node.as_ref().filter(|node| !node.is_null()).map(kind_name);
        let kind = match (real(&dest), real(&patch)) {
            (Some(own), Some(other)) if own != other => {
                let span = patch.as_ref().or(dest.as_ref()).map_or_else(|| unreachable_span(&dest), |node| node.span);
                let contents = patch.as_ref().map(crate::yaml::encode).unwrap_or_default();
                let why = format!("wrong node kind: expected {own} but got {other}: node contents:\n{contents}");
                return Err(Mismatch { span, why, unsupported: false });
            }
            (own, other) => own.or(other),
        };
        match kind {
            None | Some("MappingNode") => self.merge_map(dest, patch, &schema),
            Some("SequenceNode") => match schema.merge_keys() {
                Some(keys) => self.merge_keyed(dest, patch, &schema, &keys, name),
                None => Ok(overwrite(dest, patch)),
            },
            Some(_) => Ok(overwrite(dest, patch)),
        }
    }

    fn merge_map(&mut self, dest: Option<Node>, patch: Option<Node>, schema: &Schema) -> Merged {
        let Some(mut dest) = dest else {
            return match patch {
                Some(patch) => self.absorb_map(patch, schema),
                None => Ok(None),
            };
        };
        if dest.is_null() {
            return match patch {
                // An explicit null stays, a blank value goes.
                None => Ok(Some(dest).filter(|dest| dest.value_text().is_some_and(|text| !text.is_empty()))),
                Some(patch) => {
                    let by = patch.span;
                    let merged = self.absorb_map(patch, schema)?;
                    Ok(merged.map(|mut node| {
                        node.changed(Action::Replaced, by, Some(dest));
                        node
                    }))
                }
            };
        }
        let Some(mut patch) = patch else {
            self.settle(&mut dest, schema)?;
            return Ok(Some(dest));
        };
        if patch.is_null() {
            return Ok(None);
        }
        match take_directive(&mut patch)? {
            Directive::Delete => Ok(None),
            Directive::Replace => {
                let by = patch.span;
                let merged = self.absorb_fields(patch, schema)?;
                Ok(Some(merged).map(|mut node| {
                    node.changed(Action::Replaced, by, Some(dest));
                    node
                }))
            }
            Directive::Merge => {
                self.merge_fields(&mut dest, &patch, schema)?;
                Ok(Some(dest))
            }
        }
    }

    fn merge_fields(&mut self, dest: &mut Node, patch: &Node, schema: &Schema) -> Result<(), Mismatch> {
        let Some(patched) = patch.as_mapping() else { return Ok(()) };
        let names: Vec<_> = dest.entries().iter().map(|entry| entry.key.text.clone()).collect();
        let before = dest.clone();
        let added: Vec<&Entry> = patched.iter().filter(|entry| dest.get(&entry.key.text).is_none()).collect();
        let mut grows = false;
        let mut gone: HashMap<CompactString, Span> = HashMap::new();
        for name in &names {
            let change = patched.entry(name);
            let below = match change.filter(|change| change.value.as_sequence().is_some()) {
                Some(change) => {
                    let keys = [dest.as_mapping().and_then(|dest| dest.entry(name)), Some(change)];
                    let commented = keys.into_iter().flatten().find_map(|entry| in_comment(self.files, entry.key.span));
                    commented.unwrap_or_else(|| schema.field(name))
                }
                None => schema.field(name),
            };
            let Some(own) = dest.get(name) else { continue };
            let type_schema = self.schemas.or_by_type(below, [Some(own), None]);
            if change.is_none() && !self.needs_settling(own, &type_schema) {
                continue;
            }
            let own = own.clone();
            let merged = self.merge(Some(own), change.map(|entry| entry.value.clone()), type_schema, name)?;
            let by = change.map_or(patch.span, |entry| entry.key.span.to(entry.value.span));
            match merged {
                Some(merged) => set(dest, name, Some(merged), by),
                None => {
                    gone.insert(name.clone(), by);
                }
            }
        }
        if let Some(mapping) = dest.as_mapping_mut().filter(|_| !gone.is_empty()) {
            mapping.remove_all(&gone);
        }
        for entry in added {
            let below = schema.field(&entry.key.text);
            let merged = self.merge(None, Some(entry.value.clone()), below, &entry.key.text)?;
            if let Some(value) = merged.filter(|value| !value.is_null())
                && let Some(mapping) = dest.as_mapping_mut()
            {
                mapping.push(Entry { key: entry.key.clone(), value });
                grows = true;
            }
        }
        if grows {
            dest.changed(Action::Merged, patch.span, Some(before));
        }
        Ok(())
    }

    /// What becomes of a patch's value where the object has none: nulls and `$patch: delete` below are left out.
    fn absorb_map(&mut self, mut patch: Node, schema: &Schema) -> Merged {
        if patch.is_null() {
            return Ok(None);
        }
        // Here an unknown directive is no error; it stays as data.
        if take_directive(&mut patch).is_ok_and(|directive| directive == Directive::Delete) {
            return Ok(None);
        }
        self.absorb_fields(patch, schema).map(Some)
    }

    fn absorb_fields(&mut self, mut node: Node, schema: &Schema) -> Result<Node, Mismatch> {
        let names: Vec<_> = node.entries().iter().map(|entry| entry.key.text.clone()).collect();
        for name in names {
            let Some(value) = node.get(&name) else { continue };
            if value.as_mapping().is_none() && value.as_sequence().is_none() && !value.is_null() {
                continue;
            }
            let (span, value) = (value.span, value.clone());
            let merged = self.absorb(value, schema.field(&name), &name)?;
            match merged {
                Some(value) => {
                    if let Some(place) = node.as_mapping_mut().and_then(|mapping| mapping.get_mut(&name)) {
                        *place = value;
                    }
                }
                None => {
                    if let Some(mapping) = node.as_mapping_mut() {
                        mapping.remove(&name, span);
                    }
                }
            }
        }
        Ok(node)
    }

    /// Merges a node with itself, which is what upstream does below a value that it has just taken from the patch.
    pub(super) fn absorb(&mut self, node: Node, schema: Schema, name: &str) -> Merged {
        let schema = self.schemas.or_by_type(schema, [Some(&node), None]);
        if node.is_null() {
            return Ok(None);
        }
        match &node.value {
            Value::Scalar(_) => Ok(Some(node)),
            Value::Mapping(_) => {
                let mut node = node;
                match take_directive(&mut node)? {
                    Directive::Delete => Ok(None),
                    _ => self.absorb_fields(node, &schema).map(Some),
                }
            }
            Value::Sequence(_) => match schema.merge_keys() {
                None => Ok(Some(node)),
                Some(keys) => {
                    let mut node = node;
                    if take_list_directive(&mut node)? == Directive::Delete {
                        return Ok(None);
                    }
                    merge_list::merge(self, node, merge_list::Patch::Same, &schema, &keys, name).map(Some)
                }
            },
        }
    }

    fn merge_keyed(
        &mut self,
        dest: Option<Node>,
        patch: Option<Node>,
        schema: &Schema,
        keys: &[String],
        name: &str,
    ) -> Merged {
        let Some(dest) = dest.filter(|dest| !dest.is_null()) else {
            // The directives of a list that the object lacks stay in it as data.
            let Some(patch) = patch.filter(|patch| !patch.is_null()) else { return Ok(None) };
            let elements = patch.items().iter().filter(|element| element.get(DIRECTIVE).is_none());
            self.appended.extend(elements.map(|element| (name.to_owned(), element.clone())));
            return merge_list::merge(self, patch, merge_list::Patch::Same, schema, keys, name).map(Some);
        };
        let Some(mut patch) = patch else {
            return merge_list::merge(self, dest, merge_list::Patch::None, schema, keys, name).map(Some);
        };
        if patch.is_null() {
            return Ok(None);
        }
        match take_list_directive(&mut patch)? {
            Directive::Delete => Ok(None),
            Directive::Replace => {
                let by = patch.span;
                let mut node = merge_list::merge(self, patch, merge_list::Patch::Same, schema, keys, name)?;
                node.changed(Action::Replaced, by, Some(dest));
                Ok(Some(node))
            }
            Directive::Merge => {
                let by = patch.span;
                let grows = !patch.items().is_empty();
                let before = dest.clone();
                let mut node = merge_list::merge(self, dest, merge_list::Patch::List(patch), schema, keys, name)?;
                if grows {
                    node.changed(Action::Merged, by, Some(before));
                }
                Ok(Some(node))
            }
        }
    }

    /// Does to an object what any patch does where it is silent.
    fn settle(&mut self, node: &mut Node, schema: &Schema) -> Result<(), Mismatch> {
        let names: Vec<_> = node.entries().iter().map(|entry| entry.key.text.clone()).collect();
        for name in names {
            let Some(value) = node.get(&name) else { continue };
            let below = self.schemas.or_by_type(schema.field(&name), [Some(value), None]);
            if self.needs_settling(value, &below) {
                let (span, value) = (value.span, value.clone());
                let merged = self.merge(Some(value), None, below, &name)?;
                set(node, &name, merged, span);
            }
        }
        Ok(())
    }

    pub(super) fn needs_settling(&self, node: &Node, schema: &Schema) -> bool {
        match &node.value {
            Value::Scalar(text) => text.is_empty() && node.is_null(),
            Value::Sequence(items) => schema.merge_keys().is_some_and(|keys| {
                let elements = schema.elements();
                merge_list::has_odd_keys(items, &keys) || items.iter().any(|item| self.needs_settling(item, &elements))
            }),
            Value::Mapping(mapping) => mapping.iter().any(|entry| {
                let below = self.schemas.or_by_type(schema.field(&entry.key.text), [Some(&entry.value), None]);
                self.needs_settling(&entry.value, &below)
            }),
        }
    }
}

fn unreachable_span(node: &Option<Node>) -> Span {
    node.as_ref().map_or(Span::start_of(crate::source::FileId(0)), |node| node.span)
}

/// A scalar, or a list that is replaced: the patch wins if it says anything.
fn overwrite(dest: Option<Node>, patch: Option<Node>) -> Option<Node> {
    match (dest, patch) {
        (dest, None) => dest,
        (_, Some(patch)) if patch.is_null() => None,
        (Some(dest), Some(mut patch)) => {
            let same_text = dest.value_text() == patch.value_text();
            if same_text && super::scalar::kind(&dest) == super::scalar::kind(&patch) && dest.same_value(&patch) {
                // The patch repeats what is there, as it does with names that it is matched by.
                return Some(dest);
            }
            let by = patch.span;
            patch.history = dest.history.clone();
            patch.changed(Action::Replaced, by, Some(dest));
            Some(patch)
        }
        (None, patch) => patch,
    }
}

fn set(node: &mut Node, name: &str, value: Option<Node>, by: Span) {
    let Some(mapping) = node.as_mapping_mut() else { return };
    match value {
        Some(value) => match mapping.get_mut(name) {
            Some(place) => *place = value,
            None => mapping.push(Entry { key: Key::new(name, by), value }),
        },
        None => {
            mapping.remove(name, by);
        }
    }
}

/// An empty map is nothing to a list merged by key.
pub(super) fn is_empty_map(node: &Node) -> bool {
    node.as_mapping().is_some_and(Mapping::is_empty)
}
