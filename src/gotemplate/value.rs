//! What a template computes with: the values that JSON can hold, and where they are written.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use compact_str::CompactString;

use super::Failure;
use crate::source::Span;
use crate::yaml::{Entry, Key, Mapping, Node, Scalar, Style, Value as Content};

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Value {
    /// What it is.
    pub kind: Kind,
    /// Where it is written; `None` for what the template itself makes.
    pub origin: Option<Span>,
}

/// The kinds of values.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A key that is not there: Go's invalid value.
    Missing,
    /// null
    Nil,
    /// A boolean.
    Bool(bool),
    /// An integer, which only templates make: every number of a YAML or JSON file is a float.
    Int(i64),
    /// A float.
    Float(f64),
    /// Text.
    Text(CompactString),
    /// A list.
    List(Rc<Vec<Value>>),
    /// A map.
    Map(Map),
    /// What can't be known offline.
    Unknown,
}

/// A map with text keys, sorted. Functions such as `set` change it for everybody who holds it, as in Go.
#[derive(Clone, Debug, Default)]
pub struct Map {
    entries: Rc<RefCell<BTreeMap<CompactString, Value>>>,
    open: bool,
}

/// Values that `set` has put into themselves have no end.
const MAX_DEPTH: usize = 100;

impl Map {
    /// The same map, of which not every key is known.
    pub fn opened(self) -> Self {
        Self { open: true, ..self }
    }

    /// Whether it may have keys that are not known.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The value of a key. One that an open map lacks is not known.
    pub fn get(&self, key: &str) -> Option<Value> {
        let found = self.entries.try_borrow().ok()?.get(key).cloned();
        found.or_else(|| self.open.then(|| Kind::Unknown.into()))
    }

    /// Sets a key.
    pub fn insert(&self, key: impl Into<CompactString>, value: Value) {
        if let Ok(mut entries) = self.entries.try_borrow_mut() {
            entries.insert(key.into(), value);
        }
    }

    /// Takes a key away.
    pub fn remove(&self, key: &str) {
        if let Ok(mut entries) = self.entries.try_borrow_mut() {
            entries.remove(key);
        }
    }

    /// The entries, sorted by key.
    pub fn entries(&self) -> Vec<(CompactString, Value)> {
        let entries = self.entries.try_borrow();
        entries
            .map(|entries| entries.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
            .unwrap_or_default()
    }

    /// How many keys it has.
    pub fn len(&self) -> usize {
        self.entries.try_borrow().map_or(0, |entries| entries.len())
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl FromIterator<(CompactString, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (CompactString, Value)>>(entries: I) -> Self {
        Self { entries: Rc::new(RefCell::new(entries.into_iter().collect())), open: false }
    }
}

impl From<Kind> for Value {
    fn from(kind: Kind) -> Self {
        Self { kind, origin: None }
    }
}

impl From<&Node> for Value {
    /// The value of a node as JSON holds it.
    fn from(node: &Node) -> Self {
        let kind = match &node.value {
            Content::Sequence(items) => Kind::List(Rc::new(items.iter().map(Self::from).collect())),
            Content::Mapping(mapping) => Kind::Map(
                mapping.iter().map(|entry| (entry.key.json_name().into(), Self::from(&entry.value))).collect(),
            ),
            Content::Scalar(_) => match node.resolve() {
                Some(Scalar::Null) => Kind::Nil,
                Some(Scalar::Bool(value)) => Kind::Bool(value),
                #[allow(clippy::cast_precision_loss, reason = "JSON's numbers are floats in Go, with that loss")]
                Some(Scalar::Int(value)) => Kind::Float(value as f64),
                #[allow(clippy::cast_precision_loss, reason = "JSON's numbers are floats in Go, with that loss")]
                Some(Scalar::UInt(value)) => Kind::Float(value as f64),
                Some(Scalar::Float(value)) => Kind::Float(value),
                Some(Scalar::String(text)) => Kind::Text(text.into()),
                Some(Scalar::Unknown) | None => Kind::Unknown,
            },
        };
        Self { kind, origin: Some(node.span) }
    }
}

impl Value {
    /// A text that the template makes.
    pub fn text(text: impl Into<CompactString>) -> Self {
        Kind::Text(text.into()).into()
    }

    /// A list that the template makes.
    pub fn list(items: Vec<Value>) -> Self {
        Kind::List(Rc::new(items)).into()
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether Go takes it for true: anything but false, zero, and what is empty or not there.
    pub fn is_true(&self) -> bool {
        match &self.kind {
            Kind::Missing | Kind::Nil | Kind::Unknown => false,
            Kind::Bool(value) => *value,
            Kind::Int(value) => *value != 0,
            Kind::Float(value) => *value != 0.0,
            Kind::Text(text) => !text.is_empty(),
            Kind::List(items) => !items.is_empty(),
            Kind::Map(map) => map.is_open() || !map.is_empty(),
        }
    }

    /// The kind as Go's messages name it.
    pub fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::Missing | Kind::Nil | Kind::Unknown => "nil",
            Kind::Bool(_) => "bool",
            Kind::Int(_) => "int",
            Kind::Float(_) => "float64",
            Kind::Text(_) => "string",
            Kind::List(_) => "[]interface {}",
            Kind::Map(_) => "map[string]interface {}",
        }
    }

    /// The value as a node; what the template made is placed at `span`.
    ///
    /// # Errors
    /// It is not known as a whole, or has no end.
    pub fn to_node(&self, span: Span) -> Result<Node, Failure> {
        self.node_at(span, 0)
    }

    fn node_at(&self, span: Span, depth: usize) -> Result<Node, Failure> {
        if depth > MAX_DEPTH {
            return Err(Failure::Error("the value holds itself".to_owned()));
        }
        let place = self.origin.unwrap_or(span);
        Ok(match &self.kind {
            Kind::Unknown => return Err(Failure::Unknown),
            Kind::Map(map) if map.is_open() => return Err(Failure::Unknown),
            Kind::Missing | Kind::Nil => Node::plain("null", place),
            Kind::Bool(value) => Node::plain(value.to_string(), place),
            Kind::Int(value) => Node::plain(value.to_string(), place),
            Kind::Float(value) => Node::plain(super::print::json_float(*value), place),
            Kind::Text(text) => Node { style: Style::DoubleQuoted, ..Node::string(text.clone(), place) },
            Kind::List(items) => {
                let items: Result<_, _> = items.iter().map(|item| item.node_at(span, depth + 1)).collect();
                Node::sequence(items?, place)
            }
            Kind::Map(map) => {
                let mut mapping = Mapping::default();
                for (key, value) in map.entries() {
                    mapping.push(Entry { key: Key::new(key, place), value: value.node_at(span, depth + 1)? });
                }
                let mut node = Node::mapping(mapping, place);
                if let Some(mapping) = node.as_mapping_mut() {
                    mapping.quote_keys();
                }
                node
            }
        })
    }
}
