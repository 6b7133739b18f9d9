//! JSON patches (RFC 6902), with the liberties that kustomize's library takes.

use super::id::text_of;
use super::problem::ProblemKind;
use crate::source::Span;
use crate::yaml::{Action, Entry, Key, Mapping, Node, Scalar, Style, Tag, Value, is_timestamp};

/// One operation.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) name: String,
    pub(super) path: String,
    /// Whether it has a path, which must be a text.
    has_path: bool,
    pub(super) from: String,
    pub(super) value: Option<Node>,
    /// The whole operation.
    pub(super) span: Span,
    /// The path, which is what a person would mend.
    pub(super) path_span: Span,
    from_span: Span,
    /// The operation's name.
    name_span: Span,
}

/// Why an operation can't be applied.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) kind: ProblemKind,
    pub(super) words: String,
    pub(super) span: Span,
    /// The path that leads nowhere, `path` or `from`.
    pub(super) path: String,
    /// The part of it that is there.
    pub(super) reached: String,
}

/// What an operation did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Effect {
    Changed,
    /// Everything it writes was there already.
    Same,
    /// It only looked.
    Tested,
}

/// What is worth knowing about an operation that was applied.
pub(super) enum Note {
    /// A `replace` made a key that was not there.
    Created,
    /// An element of a list of named elements was addressed by its index: the name it has.
    ByIndex(String),
}

impl Operation {
    /// Whether the operation takes all annotations away, or puts others in their place.
    pub(super) fn replaces_annotations(&self) -> bool {
        let is_above = |path: &str| matches!(path, "" | "/metadata" | "/metadata/annotations");
        match self.name.as_str() {
            "add" | "replace" | "remove" | "copy" => is_above(&self.path),
            "move" => is_above(&self.path) || is_above(&self.from),
            _ => false,
        }
    }
}

/// Reads the operations of a patch; `None` if the node is no list of maps.
pub(super) fn operations(root: &Node) -> Option<Vec<Operation>> {
    let operation = |node: &Node| {
        node.as_mapping()?;
        let path = node.get("path");
        Some(Operation {
            name: text_of(node.get("op")).to_owned(),
            path: text_of(path).to_owned(),
            has_path: path.is_some_and(|path| path.as_str().is_some()),
            from: text_of(node.get("from")).to_owned(),
            value: node.get("value").map(as_json),
            span: node.span,
            path_span: path.map_or(node.span, |path| path.span),
            from_span: node.get("from").map_or(node.span, |from| from.span),
            name_span: node.get("op").map_or(node.span, |name| name.span),
        })
    };
    root.as_sequence()?.iter().map(operation).collect()
}

/// A tree as YAML 1.1 reads it, written so that any reader agrees: patches go through JSON.
fn as_json(node: &Node) -> Node {
    let mut node = node.clone();
    if node.style == Style::Flow {
        node.style = Style::Block;
    }
    match &node.value {
        Value::Scalar(_) => match node.resolve() {
            Some(Scalar::Null) => node.value = Value::Scalar("null".into()),
            Some(Scalar::Bool(value)) if node.style == Style::Plain => {
                node.value = Value::Scalar(if value { "true" } else { "false" }.into());
                node.tag = Tag::None;
            }
            Some(Scalar::String(text)) if node.style == Style::Plain && is_timestamp(text) => {
                node.style = Style::DoubleQuoted
            }
            _ if node.tag == Tag::Str && node.style == Style::Plain => node.style = Style::DoubleQuoted,
            _ => {}
        },
        Value::Sequence(items) => {
            let items = items.iter().map(as_json).collect();
            node.value = Value::Sequence(std::sync::Arc::new(items));
        }
        Value::Mapping(mapping) => {
            let entries: Mapping = mapping
                .iter()
                .map(|entry| Entry {
                    key: Key {
                        text: entry.key.json_name().as_ref().into(),
                        style: Style::DoubleQuoted,
                        span: entry.key.span,
                    },
                    value: as_json(&entry.value),
                })
                .collect();
            node.value = Value::Mapping(std::sync::Arc::new(entries));
        }
    }
    node
}

fn parts(path: &str) -> Vec<String> {
    path.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
}

/// What an operation can be called.
pub(super) const OPERATIONS: [&str; 6] = ["add", "remove", "replace", "move", "copy", "test"];

/// Applies one operation.
pub(super) fn apply(root: &mut Node, operation: &Operation, notes: &mut dyn FnMut(Note)) -> Result<Effect, Refused> {
    let path = operation.path.as_str();
    if !operation.has_path && OPERATIONS.contains(&operation.name.as_str()) {
        let words = format!("{} operation failed to decode path: missing value", operation.name);
        return Err(Refused {
            kind: ProblemKind::BuildFails,
            words,
            span: operation.path_span,
            path: String::new(),
            reached: String::new(),
        });
    }
    let refuse = |root: &Node, words: String| Refused {
        kind: ProblemKind::PatchPathMissing,
        words,
        span: operation.path_span,
        path: path.to_owned(),
        reached: reached(root, path),
    };
    let value = || operation.value.clone().unwrap_or_else(|| Node::plain("null", operation.span));
    let note_index = |root: &Node, notes: &mut dyn FnMut(Note)| {
        if let Some(name) = named_by_index(root, path) {
            notes(Note::ByIndex(name));
        }
    };
    match operation.name.as_str() {
        "add" => {
            note_index(root, notes);
            let Some((parent, key)) = parent_of(root, path) else {
                let words = format!("add operation does not apply: doc is missing path: {path:?}: missing value");
                return Err(refuse(root, words));
            };
            add(parent, &key, value(), operation.span)
                .map_err(|why| refuse(root, format!("error in add for path: '{path}': {why}")))
        }
        "remove" => {
            note_index(root, notes);
            let Some((parent, key)) = parent_of(root, path) else {
                let words = format!("remove operation does not apply: doc is missing path: {path:?}: missing value");
                return Err(refuse(root, words));
            };
            let removed = remove(parent, &key, operation.span);
            removed
                .map(|_| Effect::Changed)
                .map_err(|why| refuse(root, format!("error in remove for path: '{path}': {why}")))
        }
        "replace" => {
            note_index(root, notes);
            if path.is_empty() {
                let mut new = value();
                let effect = Effect::of(root, &new);
                new.changed(Action::Replaced, operation.span, Some(root.clone()));
                *root = new;
                return Ok(effect);
            }
            let Some((parent, key)) = parent_of(root, path) else {
                let words = format!("replace operation does not apply: doc is missing path: {path}: missing value");
                return Err(refuse(root, words));
            };
            let by = operation.span;
            if let Some(mapping) = parent.as_mapping_mut() {
                return Ok(match mapping.get_mut(&key) {
                    Some(place) => write(place, value(), by),
                    None => {
                        mapping.push(Entry { key: quoted(&key, by), value: value() });
                        notes(Note::Created);
                        Effect::Changed
                    }
                });
            }
            let length = parent.items().len();
            match index(&key, length).and_then(|at| parent.as_sequence_mut()?.get_mut(at)) {
                Some(place) => Ok(write(place, value(), by)),
                None => Err(refuse(
                    root,
                    format!("replace operation does not apply: doc is missing key: {path}: missing value"),
                )),
            }
        }
        "move" | "copy" => {
            let from = operation.from.as_str();
            let missing = |what: &str| {
                format!("{} operation does not apply: doc is missing {what}: {from}: missing value", operation.name)
            };
            let refuse_from = |root: &Node, words| Refused {
                span: operation.from_span,
                path: from.to_owned(),
                reached: reached(root, from),
                ..refuse(root, words)
            };
            let Some((parent, key)) = parent_of(root, from) else {
                return Err(refuse_from(root, missing("from path")));
            };
            let taken = if operation.name == "move" {
                remove(parent, &key, operation.span).map_err(|why| format!("error in move for path: '{key}': {why}"))
            } else {
                let found = match &parent.value {
                    Value::Mapping(mapping) => {
                        Some(mapping.get(&key).cloned().unwrap_or_else(|| Node::plain("null", operation.span)))
                    }
                    _ => index(&key, parent.items().len()).and_then(|at| parent.items().get(at).cloned()),
                };
                found.ok_or_else(|| missing("from path"))
            };
            let taken = match taken {
                Ok(taken) => taken,
                Err(words) => return Err(refuse_from(root, words)),
            };
            let Some((parent, key)) = parent_of(root, path) else {
                let words = format!(
                    "{} operation does not apply: doc is missing destination path: {path}: missing value",
                    operation.name
                );
                return Err(refuse(root, words));
            };
            add(parent, &key, taken, operation.span)
                .map_err(|why| refuse(root, format!("error in {} for path: '{path}': {why}", operation.name)))
        }
        "test" => {
            let Some((parent, key)) = parent_of(root, path) else {
                let words = format!("test operation does not apply: doc is missing path: {path}: missing value");
                return Err(refuse(root, words));
            };
            let found = match &parent.value {
                Value::Mapping(mapping) => mapping.get(&key),
                _ => index(&key, parent.items().len()).and_then(|at| parent.items().get(at)),
            };
            let passes = match (found, &operation.value) {
                (None, value) => value.as_ref().is_none_or(Node::is_null),
                (Some(found), None) => found.is_null(),
                (Some(found), Some(value)) => {
                    let mut found = found.clone();
                    let _ = super::scalar::canonical(&mut found);
                    found.same_value(value)
                }
            };
            if passes {
                Ok(Effect::Tested)
            } else {
                Err(refuse(root, format!("testing value {path} failed: test failed")))
            }
        }
        other => Err(Refused {
            kind: ProblemKind::BuildFails,
            words: format!("Unexpected kind: {}", if other.is_empty() { "unknown" } else { other }),
            span: operation.name_span,
            path: String::new(),
            reached: String::new(),
        }),
    }
}

fn quoted(key: &str, span: Span) -> Key {
    Key { style: Style::DoubleQuoted, ..Key::new(key, span) }
}

/// The node that holds the last part of the path, and that part.
fn parent_of<'a>(root: &'a mut Node, path: &str) -> Option<(&'a mut Node, String)> {
    let mut parts = parts(path);
    let key = parts.pop()?;
    let mut node = root;
    for part in parts {
        node = match node.value {
            Value::Mapping(_) => node.as_mapping_mut()?.get_mut(&part)?,
            Value::Sequence(_) => {
                let at = index(&part, node.items().len())?;
                node.as_sequence_mut()?.get_mut(at)?
            }
            Value::Scalar(_) => return None,
        };
    }
    (node.as_mapping().is_some() || node.as_sequence().is_some()).then_some((node, key))
}

/// A place in a list; negative ones count from the end.
fn index(part: &str, length: usize) -> Option<usize> {
    let number: i64 = part.parse().ok()?;
    let length = i64::try_from(length).ok()?;
    let at = if number < 0 { number + length } else { number };
    (0..length).contains(&at).then(|| usize::try_from(at).ok()).flatten()
}

impl Effect {
    fn of(before: &Node, after: &Node) -> Self {
        if before.same_value(after) { Self::Same } else { Self::Changed }
    }
}

/// Puts a value in the place of another.
fn write(place: &mut Node, mut value: Node, by: Span) -> Effect {
    let effect = Effect::of(place, &value);
    value.history = place.history.clone();
    value.changed(Action::Replaced, by, Some(place.clone()));
    *place = value;
    effect
}

fn add(parent: &mut Node, key: &str, value: Node, by: Span) -> Result<Effect, String> {
    if let Some(mapping) = parent.as_mapping_mut() {
        return Ok(match mapping.get_mut(key) {
            Some(place) => write(place, value, by),
            None => {
                mapping.push(Entry { key: quoted(key, by), value });
                Effect::Changed
            }
        });
    }
    let length = parent.items().len();
    let Some(items) = parent.as_sequence_mut() else { return Err("missing value".to_owned()) };
    if key == "-" {
        items.push(value);
        return Ok(Effect::Changed);
    }
    let at =
        if key.parse::<usize>().is_ok_and(|at| at == length) { Some(length) } else { index_to_insert(key, length) };
    match at {
        Some(at) => {
            items.insert(at, value);
            Ok(Effect::Changed)
        }
        None => Err(no_index(key)),
    }
}

/// Why a list has nothing at `key`.
fn no_index(key: &str) -> String {
    match key.parse::<i64>() {
        Ok(_) => format!("Unable to access invalid index: {key}: invalid index referenced"),
        Err(_) => format!("strconv.Atoi: parsing {key:?}: invalid syntax"),
    }
}

fn index_to_insert(key: &str, length: usize) -> Option<usize> {
    let number: i64 = key.parse().ok()?;
    let slots = i64::try_from(length).ok()? + 1;
    let at = if number < 0 { number + slots } else { number };
    (0..slots).contains(&at).then(|| usize::try_from(at).ok()).flatten()
}

fn remove(parent: &mut Node, key: &str, by: Span) -> Result<Node, String> {
    if let Some(mapping) = parent.as_mapping_mut() {
        let removed =
            mapping.remove(key, by).ok_or_else(|| format!("Unable to remove nonexistent key: {key}: missing value"))?;
        return Ok(removed.value);
    }
    let at = index(key, parent.items().len());
    let Some(item) = at.and_then(|at| Some(parent.as_sequence_mut()?.remove(at))) else {
        return Err(no_index(key));
    };
    parent.changed(Action::ItemRemoved, by, Some(item.clone()));
    Ok(item)
}

/// The longest part of the path that is there.
fn reached(root: &Node, path: &str) -> String {
    let mut node = root;
    let mut reached = String::new();
    for (part, raw) in parts(path).iter().zip(path.split('/').skip(1)) {
        let next = match &node.value {
            Value::Mapping(mapping) => mapping.get(part),
            Value::Sequence(items) => index(part, items.len()).and_then(|at| items.get(at)),
            Value::Scalar(_) => None,
        };
        let Some(next) = next else { break };
        node = next;
        reached.push('/');
        reached.push_str(raw);
    }
    reached
}

/// The name of the element that the path addresses by its index, if it lies in a list of named elements.
fn named_by_index(root: &Node, path: &str) -> Option<String> {
    let mut node = root;
    let mut named = None;
    for part in parts(path) {
        node = match &node.value {
            Value::Mapping(mapping) => mapping.get(&part)?,
            Value::Sequence(items) => {
                let item = items.get(index(&part, items.len())?)?;
                let several = items.len() > 1 && items.iter().all(|item| item.str_at(&["name"]).is_some());
                named = item.str_at(&["name"]).filter(|_| several).map(str::to_owned).or(named);
                item
            }
            Value::Scalar(_) => return named,
        };
    }
    named
}
