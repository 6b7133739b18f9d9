//! A map while it is read: duplicate keys and merge keys.
//!
//! Equal keys are those that are equal in the JSON which reaches Kubernetes: `on` and `true` are, `1` and `"1"` are.

use compact_str::CompactString;
use foldhash::{HashMap, HashMapExt};

use super::node::{Entry, Mapping, Node, Value};
use super::problem::ProblemKind;
use crate::source::Span;

/// Maps up to this size are searched for duplicate keys by comparing, larger ones through an index.
const SMALL_MAP: usize = 24;

/// How many lost paths a duplicate key names.
const LOST_PATHS: usize = 8;

/// How long a lost path may be, in bytes; what goes beyond is cut off.
const LOST_PATH_BYTES: usize = 160;

/// A map under construction.
#[derive(Default)]
pub(super) struct MappingFrame {
    mapping: Mapping,
    /// Whether some key reads differently in JSON, so that texts can't be compared as they are.
    has_converted_key: bool,
    index: Option<HashMap<CompactString, usize>>,
    merges: Vec<Merge>,
}

/// A `<<` entry.
struct Merge {
    key: Span,
    value: Node,
    /// Number of the map's own keys before it.
    own_keys_before: usize,
}

impl MappingFrame {
    /// Adds an entry. A duplicate takes the place of the first one, and is returned as a problem with its place.
    pub(super) fn insert(&mut self, entry: Entry) -> Option<(ProblemKind, Span)> {
        let name = entry.key.json_name();
        self.has_converted_key |= name != entry.key.text.as_str();
        let existing = match &self.index {
            Some(index) => index.get(name.as_ref()).copied(),
            None if self.has_converted_key => self.mapping.iter().position(|known| known.key.json_name() == name),
            None => self.mapping.iter().position(|known| known.key.text == entry.key.text),
        };
        let Some(at) = existing else {
            if let Some(index) = &mut self.index {
                index.insert(name.into(), self.mapping.len());
            }
            self.mapping.push(entry);
            if self.index.is_none() && self.mapping.len() > SMALL_MAP {
                let names = self.mapping.iter().enumerate();
                self.index = Some(names.map(|(at, entry)| (entry.key.json_name().into(), at)).collect());
            }
            return None;
        };
        let first = &self.mapping.entries()[at];
        let mut lost = Vec::new();
        lost_leaves(&first.value, Some(&entry.value), &mut first.key.text.to_string(), &mut lost);
        let problem = ProblemKind::DuplicateKey { key: name.into_owned(), first: first.key.span, lost };
        let span = entry.key.span;
        self.mapping.shadow(at, entry);
        Some((problem, span))
    }

    /// Adds a `<<` that stands at `key`; `place` is where its value is written.
    pub(super) fn merge(&mut self, value: Node, key: Span, place: Span) -> Option<(ProblemKind, Span)> {
        let usable = match &value.value {
            Value::Mapping(_) => true,
            Value::Sequence(items) => items.iter().all(|item| item.as_mapping().is_some() || item.is_unknown()),
            Value::Scalar(_) => value.is_unknown(),
        };
        if !usable {
            return Some((ProblemKind::MergeNotMap, place));
        }
        let problem = self.merges.first().map(|first| (ProblemKind::DuplicateMerge(first.key), key));
        self.merges.push(Merge { key, value, own_keys_before: self.mapping.len() });
        problem
    }

    /// The map, with merges applied: a merge adds the keys that the map lacks, an earlier one before a later one.
    /// Where go-yaml v2 would prefer the merged value, that is remembered.
    /// The frame is then as new, and keeps its memory.
    pub(super) fn finish(&mut self) -> Mapping {
        let mapping = &mut self.mapping;
        if !self.merges.is_empty() {
            let mut known: HashMap<CompactString, usize> = HashMap::with_capacity(mapping.len());
            known.extend(mapping.iter().enumerate().map(|(at, entry)| (entry.key.text.clone(), at)));
            for merge in &self.merges {
                let maps = merge.value.as_sequence().unwrap_or(std::slice::from_ref(&merge.value));
                for entry in maps.iter().flat_map(Node::entries) {
                    match known.get(&entry.key.text) {
                        Some(at) if *at < merge.own_keys_before => mapping.remember_merged_v2(entry.clone()),
                        Some(_) => {}
                        None => {
                            known.insert(entry.key.text.clone(), usize::MAX);
                            mapping.push(entry.clone());
                        }
                    }
                }
            }
        }
        self.index = None;
        self.merges.clear();
        self.has_converted_key = false;
        self.mapping.take_exact()
    }
}

/// Paths of `first`'s leaves that `second` has nothing at.
fn lost_leaves(first: &Node, second: Option<&Node>, path: &mut String, lost: &mut Vec<String>) {
    match (first.as_mapping(), second) {
        (None, Some(second)) if first.as_sequence().is_none() || second.same_value(first) => {}
        (Some(mapping), _) if !mapping.is_empty() => {
            let length = path.len();
            for entry in mapping.iter() {
                if lost.len() >= LOST_PATHS {
                    return;
                }
                path.push('.');
                path.push_str(&entry.key.text);
                lost_leaves(&entry.value, second.and_then(|second| second.get(&entry.key.text)), path, lost);
                path.truncate(length);
            }
        }
        _ => lost.push(match path.char_indices().nth(LOST_PATH_BYTES) {
            Some((cut, _)) => format!("{}…", &path[..cut]),
            None => path.clone(),
        }),
    }
}
