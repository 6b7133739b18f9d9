//! The tree: nodes that know where they were written and what happened to them since.
//!
//! Children sit behind `Arc`, so a build that changes one field of an object shares the rest with the parsed file.

use std::sync::{Arc, OnceLock};

use compact_str::CompactString;
use foldhash::HashMap;

use super::scalar::{Scalar, resolve_plain};
use crate::source::Span;

/// A value, the bytes where it is written, and how it got here.
#[derive(Clone, Debug)]
pub struct Node {
    /// The content.
    pub value: Value,
    /// Where the value is *written*: in a base, a patch, a values file.
    pub span: Span,
    /// The notation in the file.
    pub style: Style,
    /// The explicit tag, if one stands before the value.
    pub tag: Tag,
    /// What changed this node on its way, oldest first. Empty for a node as it was parsed.
    pub history: History,
}

/// The content of a node.
#[derive(Clone, Debug)]
pub enum Value {
    /// Text after escapes and folding; its type is decided by [`Node::resolve`].
    Scalar(CompactString),
    /// A list.
    Sequence(Arc<Vec<Node>>),
    /// A map.
    Mapping(Arc<Mapping>),
}

/// The notation of a node in its file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// A scalar without quotes; the only one whose type depends on its text.
    Plain,
    /// `'…'`
    SingleQuoted,
    /// `"…"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
    /// An indented list or map.
    Block,
    /// A list or map in brackets.
    Flow,
}

/// An explicit tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tag {
    /// No tag is written.
    None,
    /// `!!str`, or the non-specific `!`.
    Str,
    /// `!!int`
    Int,
    /// `!!float`
    Float,
    /// `!!bool`
    Bool,
    /// `!!null`
    Null,
    /// `!!binary`
    Binary,
    /// Any other, such as `!vault` or `!reference`: its meaning belongs to another program.
    Foreign,
    /// Not written anywhere: marks a value that can't be known offline.
    Unknown,
}

/// What changed a node, oldest first. Cheap when empty.
#[derive(Clone, Debug, Default)]
pub struct History(Option<Arc<Vec<Change>>>);

/// One step in a node's history.
#[derive(Clone, Debug)]
pub struct Change {
    /// What was done.
    pub action: Action,
    /// The text that did it: a patch's value, a kustomization's field, an alias.
    pub by: Span,
    /// The node before the step, without its own history; for [`Action::ItemRemoved`] the item.
    pub before: Option<Node>,
}

/// The kinds of steps a node can go through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// The value stands at the anchor; an alias put it here.
    Aliased,
    /// A patch or a later values file wrote another value.
    Replaced,
    /// A strategic merge patch added to this map or list.
    Merged,
    /// A patch took an item out of this list: its tombstone.
    ItemRemoved,
    /// A namespace transformer set it.
    Namespaced,
    /// A prefix was put before a name.
    Prefixed,
    /// A suffix was put behind a name.
    Suffixed,
    /// A content hash was put behind a name.
    Hashed,
    /// A label or annotation transformer set it.
    Labelled,
    /// An images entry changed it.
    ImageSet,
    /// A replicas entry changed it.
    ReplicasSet,
    /// A replacement or a var wrote it.
    Substituted,
    /// A reference followed the new name of its object.
    ReferenceUpdated,
    /// A generator made it.
    Generated,
}

/// A map: entries in file order, the last of duplicate keys first in force.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    entries: Vec<Entry>,
    aside: Option<Box<Aside>>,
}

/// What a mapping keeps though it is not in force.
#[derive(Clone, Debug, Default)]
struct Aside {
    /// Entries that a later entry of the same key hides.
    shadowed: Vec<Entry>,
    /// Keys that a patch or a null took away.
    removed: Vec<Removed>,
    /// Entries as go-yaml v2 merges `<<`, where that differs from YAML's own rule.
    merged_v2: Vec<Entry>,
    /// Places of a large map's keys, once somebody looked for one.
    index: OnceLock<HashMap<CompactString, usize>>,
}

/// Maps up to this size are searched from front to back, larger ones through an index.
const SMALL_MAP: usize = 48;

/// One key of a map with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// The value.
    pub value: Node,
}

/// A key and where it is written.
#[derive(Clone, Debug)]
pub struct Key {
    /// The key's text.
    pub text: CompactString,
    /// Where the key is written.
    pub span: Span,
    /// The notation.
    pub style: Style,
}

/// A key that was there and is gone: the tombstone of a patch.
#[derive(Clone, Debug)]
pub struct Removed {
    /// The key.
    pub key: Key,
    /// What it held.
    pub value: Node,
    /// The text that removed it.
    pub by: Span,
}

impl Node {
    /// A scalar that is a string whatever its text looks like.
    pub fn string(text: impl Into<CompactString>, span: Span) -> Self {
        Self::new(Value::Scalar(text.into()), Style::DoubleQuoted, span)
    }

    /// A scalar as if written without quotes: its text decides its type.
    pub fn plain(text: impl Into<CompactString>, span: Span) -> Self {
        Self::new(Value::Scalar(text.into()), Style::Plain, span)
    }

    /// A list.
    pub fn sequence(items: Vec<Node>, span: Span) -> Self {
        Self::new(Value::Sequence(Arc::new(items)), Style::Block, span)
    }

    /// A map.
    pub fn mapping(mapping: Mapping, span: Span) -> Self {
        Self::new(Value::Mapping(Arc::new(mapping)), Style::Block, span)
    }

    /// A value that can't be known offline, because of what stands at `span`.
    pub fn unknown(text: impl Into<CompactString>, span: Span) -> Self {
        Self { tag: Tag::Unknown, ..Self::plain(text, span) }
    }

    /// A node without tag and history.
    pub fn new(value: Value, style: Style, span: Span) -> Self {
        Self { value, span, style, tag: Tag::None, history: History::default() }
    }

    /// What a scalar means to Kubernetes and Helm; `None` for lists and maps.
    pub fn resolve(&self) -> Option<Scalar<'_>> {
        let Value::Scalar(text) = &self.value else { return None };
        Some(match self.tag {
            Tag::Unknown | Tag::Foreign => Scalar::Unknown,
            Tag::None if self.style == Style::Plain => resolve_plain(text),
            Tag::Int | Tag::Float | Tag::Bool | Tag::Null => resolve_plain(text),
            Tag::None | Tag::Str | Tag::Binary => Scalar::String(text),
        })
    }

    /// The string, if the value is one to Kubernetes: `port: 80` and `on` are none.
    pub fn as_str(&self) -> Option<&str> {
        match self.resolve()? {
            Scalar::String(text) => Some(text),
            _ => None,
        }
    }

    /// The text of any known scalar but null, whatever its type: for fields where `1.10` and `"1.10"` are both met.
    pub fn as_text(&self) -> Option<&str> {
        match (self.resolve()?, &self.value) {
            (Scalar::Null | Scalar::Unknown, _) => None,
            (_, Value::Scalar(text)) => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar, whatever it means; `None` for lists and maps.
    pub fn value_text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// The boolean, if the value is one to Kubernetes.
    pub fn as_bool(&self) -> Option<bool> {
        match self.resolve()? {
            Scalar::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The integer, if the value is one that fits. `8.0` is one, because it reaches Kubernetes as `8`.
    pub fn as_i64(&self) -> Option<i64> {
        match self.resolve()? {
            Scalar::Int(value) => Some(value),
            Scalar::UInt(value) => i64::try_from(value).ok(),
            #[allow(clippy::cast_possible_truncation)] // Up to here whole numbers are exact.
            Scalar::Float(value) if value.fract() == 0.0 && value.abs() < 9e15 => Some(value as i64),
            _ => None,
        }
    }

    /// Whether the value is null, written or implied.
    pub fn is_null(&self) -> bool {
        self.resolve() == Some(Scalar::Null)
    }

    /// Whether the value can't be known offline.
    pub fn is_unknown(&self) -> bool {
        self.tag == Tag::Unknown || self.resolve() == Some(Scalar::Unknown)
    }

    /// The map, if it is one.
    pub fn as_mapping(&self) -> Option<&Mapping> {
        match &self.value {
            Value::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// The map for writing, if it is one; copied first if shared.
    pub fn as_mapping_mut(&mut self) -> Option<&mut Mapping> {
        match &mut self.value {
            Value::Mapping(mapping) => Some(Arc::make_mut(mapping)),
            _ => None,
        }
    }

    /// The list for writing, if it is one; copied first if shared.
    pub fn as_sequence_mut(&mut self) -> Option<&mut Vec<Node>> {
        match &mut self.value {
            Value::Sequence(items) => Some(Arc::make_mut(items)),
            _ => None,
        }
    }

    /// The list's items, if it is a list.
    pub fn as_sequence(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The list's items; none if it is no list.
    pub fn items(&self) -> &[Node] {
        self.as_sequence().unwrap_or_default()
    }

    /// The map's entries; none if it is no map.
    pub fn entries(&self) -> &[Entry] {
        self.as_mapping().map(Mapping::entries).unwrap_or_default()
    }

    /// The value under `key`, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_mapping()?.get(key)
    }

    /// The value at the end of a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The string at the end of a path of keys.
    pub fn str_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path)?.as_str()
    }

    /// Adds a step to the history.
    pub fn changed(&mut self, action: Action, by: Span, before: Option<Node>) {
        let before = before.map(|mut node| {
            node.history = History::default();
            node
        });
        self.history.push(Change { action, by, before });
    }

    /// Equal values, whatever their spans, notation and history. Scalars are equal if they resolve to the same value.
    pub fn same_value(&self, other: &Node) -> bool {
        match (&self.value, &other.value) {
            (Value::Scalar(_), Value::Scalar(_)) => self.resolve() == other.resolve(),
            (Value::Sequence(own), Value::Sequence(theirs)) => {
                Arc::ptr_eq(own, theirs)
                    || own.len() == theirs.len() && own.iter().zip(theirs.iter()).all(|(a, b)| a.same_value(b))
            }
            (Value::Mapping(own), Value::Mapping(theirs)) => {
                Arc::ptr_eq(own, theirs)
                    || own.len() == theirs.len()
                        && own
                            .iter()
                            .all(|entry| theirs.get(&entry.key.text).is_some_and(|b| entry.value.same_value(b)))
            }
            _ => false,
        }
    }
}

impl History {
    /// The steps, oldest first.
    pub fn changes(&self) -> &[Change] {
        self.0.as_deref().map(Vec::as_slice).unwrap_or_default()
    }

    /// Appends a step.
    pub fn push(&mut self, change: Change) {
        let changes = Arc::make_mut(self.0.get_or_insert_default());
        if changes.len() == changes.capacity() {
            // Most nodes that change do so once.
            changes.reserve_exact(1 + changes.len() / 4);
        }
        changes.push(change);
    }
}

impl Key {
    /// A key that was not written as such in a file; `span` is what brought it about.
    pub fn new(text: impl Into<CompactString>, span: Span) -> Self {
        Self { text: text.into(), span, style: Style::Plain }
    }

    /// The key as it stands in the JSON that reaches Kubernetes: `on` becomes `true`, `0777` becomes `511`.
    pub fn json_name(&self) -> std::borrow::Cow<'_, str> {
        if self.style != Style::Plain {
            return self.text.as_str().into();
        }
        match resolve_plain(&self.text) {
            Scalar::Bool(value) => if value { "true" } else { "false" }.into(),
            Scalar::Int(value) => value.to_string().into(),
            Scalar::UInt(value) => value.to_string().into(),
            Scalar::Float(value) => float_name(value).into(),
            Scalar::Null => "null".into(),
            Scalar::String(_) | Scalar::Unknown => self.text.as_str().into(),
        }
    }
}

/// A number as sigs.k8s.io/yaml writes it where it is a key: Go's `%g` of 32 bits.
fn float_name(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            ".nan"
        } else if value > 0.0 {
            ".inf"
        } else {
            "-.inf"
        }
        .to_owned();
    }
    #[allow(clippy::cast_possible_truncation)] // Upstream rounds to 32 bits too.
    let value = value as f32;
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
        }
        _ => value.to_string(),
    }
}

impl Mapping {
    /// Entries in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Entries in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.entries.iter()
    }

    /// Values for writing, in order.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.entries.iter_mut().map(|entry| &mut entry.value)
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value under `key`.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The value under `key`, for writing.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let at = self.position(key)?;
        self.entries.get_mut(at).map(|entry| &mut entry.value)
    }

    /// Key and value under `key`.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.position(key).and_then(|at| self.entries.get(at))
    }

    fn position(&self, key: &str) -> Option<usize> {
        match &self.aside {
            Some(aside) if self.entries.len() > SMALL_MAP => {
                let places =
                    || self.entries.iter().enumerate().map(|(at, entry)| (entry.key.text.clone(), at)).collect();
                aside.index.get_or_init(places).get(key).copied()
            }
            _ => self.entries.iter().position(|entry| entry.key.text == key),
        }
    }

    /// Writes a value. An existing entry keeps its place; what it held is returned.
    pub fn insert(&mut self, key: Key, value: Node) -> Option<Node> {
        match self.position(&key.text).and_then(|at| self.entries.get_mut(at)) {
            Some(entry) => {
                entry.key = key;
                Some(std::mem::replace(&mut entry.value, value))
            }
            None => {
                self.push(Entry { key, value });
                None
            }
        }
    }

    /// Appends an entry whose key is known to be new.
    pub fn push(&mut self, entry: Entry) {
        if (self.entries.len() >= SMALL_MAP || self.aside.is_some())
            && let Some(index) = self.aside.get_or_insert_default().index.get_mut()
        {
            index.insert(entry.key.text.clone(), self.entries.len());
        }
        if self.entries.len() == self.entries.capacity() {
            // A patch adds a key or two to a map; doubling would waste more memory than all texts take.
            self.entries.reserve_exact(1 + self.entries.len() / 4);
        }
        self.entries.push(entry);
    }

    /// Takes a key away and remembers that the text at `by` did it.
    pub fn remove(&mut self, key: &str, by: Span) -> Option<Entry> {
        let at = self.position(key)?;
        let entry = self.entries.remove(at);
        let removed = Removed { key: entry.key.clone(), value: entry.value.clone(), by };
        let aside = self.aside.get_or_insert_default();
        aside.removed.push(removed);
        if let Some(index) = aside.index.get_mut() {
            index.remove(key);
            index.values_mut().filter(|place| **place > at).for_each(|place| *place -= 1);
        }
        Some(entry)
    }

    /// Takes many keys away at once, each by the text at its place.
    pub fn remove_all(&mut self, keys: &HashMap<CompactString, Span>) {
        if keys.is_empty() {
            return;
        }
        let aside = self.aside.get_or_insert_default();
        aside.index = OnceLock::new();
        self.entries.retain(|entry| {
            let Some(by) = keys.get(&entry.key.text) else { return true };
            aside.removed.push(Removed { key: entry.key.clone(), value: entry.value.clone(), by: *by });
            false
        });
    }

    /// Keeps the entries that `keep` accepts, without tombstones.
    pub fn retain(&mut self, keep: impl FnMut(&Entry) -> bool) {
        self.entries.retain(keep);
        if let Some(aside) = &mut self.aside {
            aside.index = OnceLock::new();
        }
    }

    /// Marks every key as quoted, so that `on` stays `on` in JSON.
    pub fn quote_keys(&mut self) {
        for entry in &mut self.entries {
            entry.key.style = Style::DoubleQuoted;
        }
    }

    /// Marks every key as written without quotes, so that its text decides its type.
    pub fn unquote_keys(&mut self) {
        for entry in &mut self.entries {
            entry.key.style = Style::Plain;
        }
    }

    /// Keys that were taken away, oldest first.
    pub fn removed(&self) -> &[Removed] {
        self.aside.as_deref().map(|aside| aside.removed.as_slice()).unwrap_or_default()
    }

    /// Entries hidden by a later duplicate of their key.
    pub fn shadowed(&self) -> &[Entry] {
        self.aside.as_deref().map(|aside| aside.shadowed.as_slice()).unwrap_or_default()
    }

    /// Entries whose value go-yaml v2 takes from a `<<` merge although the map has the key itself, because the merge
    /// stands behind it. Kustomize and YAML's own rule prefer the map's value, which is the one in [`Mapping::entries`].
    pub fn merged_v2(&self) -> &[Entry] {
        self.aside.as_deref().map(|aside| aside.merged_v2.as_slice()).unwrap_or_default()
    }

    pub(super) fn shadow(&mut self, at: usize, by: Entry) {
        let hidden = std::mem::replace(&mut self.entries[at], by);
        self.aside.get_or_insert_default().shadowed.push(hidden);
    }

    pub(super) fn remember_merged_v2(&mut self, entry: Entry) {
        self.aside.get_or_insert_default().merged_v2.push(entry);
    }

    /// Moves every span of the map through `span`, and hands each entry to `below` for its value.
    pub(super) fn relocate(&mut self, span: &dyn Fn(Span) -> Span, below: &dyn Fn(&mut Entry)) {
        let aside = self.aside.as_deref_mut();
        let hidden = aside.into_iter().flat_map(|aside| aside.shadowed.iter_mut().chain(aside.merged_v2.iter_mut()));
        for entry in self.entries.iter_mut().chain(hidden) {
            entry.key.span = span(entry.key.span);
            below(entry);
        }
    }

    /// Moves everything into a map that takes no more memory than it needs; the memory stays for the next one.
    pub(super) fn take_exact(&mut self) -> Self {
        Self { entries: self.entries.drain(..).collect(), aside: self.aside.take() }
    }
}

impl FromIterator<Entry> for Mapping {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let mut mapping = Self::default();
        entries.into_iter().for_each(|entry| mapping.push(entry));
        mapping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_as_they_reach_kubernetes() {
        let span = Span::start_of(crate::source::FileId(0));
        let names = [
            ("on", "true"),
            ("0777", "511"),
            ("1.10", "1.1"),
            ("1e3", "1000"),
            ("1000000.0", "1e+06"),
            ("0.00001", "1e-05"),
            ("0.0001", "0.0001"),
            ("-.inf", "-.inf"),
            ("18446744073709551616", "1.8446744e+19"),
            ("null", "null"),
            ("1.2.3", "1.2.3"),
        ];
        for (text, name) in names {
            assert_eq!(Key::new(text, span).json_name(), name);
        }
    }

    #[test]
    fn nodes_stay_small() {
        // A repository of 100,000 documents holds some ten million nodes.
        assert_eq!(size_of::<Node>(), 48);
        assert_eq!(size_of::<Entry>(), 88);
    }
}
