//! Which field a path such as `spec.template.spec.containers[name=web].image` means in an object.
//!
//! Keys may hold dots: `metadata.annotations.prometheus.io/scrape` is found as it stands, because the longest key that
//! fits is taken. A list's item is named by its place (`[0]`) or by one of its fields (`[name=web]`).

use crate::finding::nearest;
use crate::source::Span;
use crate::yaml::{Action, Mapping, Node};

/// How many names are listed when none is near.
const MAX_NAMES: usize = 12;

/// One step of a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Piece {
    Key(String),
    Index(usize),
    /// An item that is gone, by the field that names it.
    Item(String),
}

/// What a path leads to.
pub(super) enum Lookup<'a> {
    /// The nodes from the root to the field, which is the last, and the steps between them.
    Found { nodes: Vec<&'a Node>, pieces: Vec<Piece> },
    /// A patch took it away. `value` is the field, which lies in what was removed.
    Gone { by: Span, value: &'a Node, pieces: Vec<Piece> },
    /// It is not there; why not, in words.
    Missing(String),
}

/// Follows a path through an object.
pub(super) fn find<'a>(root: &'a Node, path: &str) -> Lookup<'a> {
    let (mut nodes, mut pieces) = (vec![root], Vec::new());
    let mut tombstone: Option<Span> = None;
    let (mut node, mut rest) = (root, path.trim());
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        let Some((piece, next, behind)) = step(node, rest) else {
            // What was removed stands beside what is there.
            let gone = node.as_mapping().and_then(|mapping| removed(mapping, rest));
            if let Some((piece, by, value, behind)) = gone.or_else(|| removed_item(node, rest)) {
                pieces.push(piece);
                (node, rest) = (value, behind);
                tombstone = tombstone.or(Some(by));
                continue;
            }
            return Lookup::Missing(missing(node, rest, &pieces));
        };
        pieces.push(piece);
        nodes.push(next);
        (node, rest) = (next, behind);
    }
    match tombstone {
        Some(by) => Lookup::Gone { by, value: node, pieces },
        None => Lookup::Found { nodes, pieces },
    }
}

/// The child that the beginning of `rest` names, and what is left of the path.
fn step<'a, 'p>(node: &'a Node, rest: &'p str) -> Option<(Piece, &'a Node, &'p str)> {
    if let Some((name, behind)) = bracket(rest) {
        if let Some(items) = node.as_sequence() {
            let at = match name.split_once('=') {
                Some((key, value)) => items
                    .iter()
                    .position(|item| item.get(key.trim()).and_then(Node::as_text) == Some(unquoted(value.trim())))?,
                None => name.parse().ok()?,
            };
            return Some((Piece::Index(at), items.get(at)?, behind));
        }
        let entry = node.as_mapping()?.entry(unquoted(name))?;
        return Some((Piece::Key(entry.key.text.to_string()), &entry.value, behind));
    }
    if let Some(items) = node.as_sequence() {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (number, behind) = rest.split_at(end);
        let at: usize = number.parse().ok()?;
        return Some((Piece::Index(at), items.get(at)?, behind));
    }
    let fitting = node.entries().iter().filter_map(|entry| Some((entry, behind(rest, &entry.key.text)?)));
    let (entry, behind) = fitting.max_by_key(|(entry, _)| entry.key.text.len())?;
    Some((Piece::Key(entry.key.text.to_string()), &entry.value, behind))
}

/// What was taken away: its step of the path, what took it, its value, and what is left of the path.
type Grave<'a, 'p> = (Piece, Span, &'a Node, &'p str);

/// The last removal of the key that `rest` begins with.
fn removed<'a, 'p>(mapping: &'a Mapping, rest: &'p str) -> Option<Grave<'a, 'p>> {
    let graves = mapping.removed().iter().filter(|grave| grave.value.span != grave.by);
    let (grave, behind) = match bracket(rest) {
        Some((name, behind)) => (graves.rev().find(|grave| grave.key.text == unquoted(name))?, behind),
        None => {
            let fitting = graves.filter_map(|grave| Some((grave, behind(rest, &grave.key.text)?)));
            fitting.max_by_key(|(grave, _)| grave.key.text.len())?
        }
    };
    Some((Piece::Key(grave.key.text.to_string()), grave.by, &grave.value, behind))
}

/// The last removal of the item that `rest` begins with.
fn removed_item<'a, 'p>(list: &'a Node, rest: &'p str) -> Option<Grave<'a, 'p>> {
    let (wanted, behind) = bracket(rest)?;
    let (key, value) = wanted.split_once('=')?;
    let is_wanted = |item: &Node| item.get(key.trim()).and_then(Node::as_text) == Some(unquoted(value.trim()));
    let (item, by) = removed_items(list).filter(|(item, _)| is_wanted(item)).last()?;
    Some((Piece::Item(format!("{}={}", key.trim(), unquoted(value.trim()))), by, item, behind))
}

/// The items that were taken out of a list, with what took them; oldest first.
pub(super) fn removed_items(list: &Node) -> impl Iterator<Item = (&Node, Span)> {
    let removals = list.history.changes().iter().filter(|change| change.action == Action::ItemRemoved);
    removals.filter_map(|change| Some((change.before.as_ref()?, change.by)))
}

/// How an item that was taken out of a list is called: by its name, or not at all.
pub(super) fn piece_of_removed(item: &Node) -> Piece {
    let name = item.get("name").and_then(Node::as_text);
    Piece::Item(name.map_or_else(|| "-".to_owned(), |name| format!("name={name}")))
}

/// What is left of a path behind a key that it begins with.
fn behind<'p>(path: &'p str, key: &str) -> Option<&'p str> {
    path.strip_prefix(key).filter(|behind| behind.is_empty() || behind.starts_with(['.', '[']))
}

/// What stands in the brackets that a path begins with, and what is left behind them.
fn bracket(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix('[')?.split_once(']')
}

fn unquoted(text: &str) -> &str {
    let inside = |mark: char| text.strip_prefix(mark).and_then(|text| text.strip_suffix(mark));
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

/// A path as one would write it.
pub(super) fn written(pieces: &[Piece]) -> String {
    pieces.iter().fold(String::new(), |path, piece| below(&path, piece))
}

/// The path of a child.
pub(super) fn below(path: &str, piece: &Piece) -> String {
    match piece {
        Piece::Index(at) => format!("{path}[{at}]"),
        Piece::Item(name) => format!("{path}[{name}]"),
        Piece::Key(key) if key.is_empty() || key.contains(['.', '[', ']', ' ', '"']) => format!("{path}[\"{key}\"]"),
        Piece::Key(key) if path.is_empty() => key.clone(),
        Piece::Key(key) => format!("{path}.{key}"),
    }
}

fn missing(node: &Node, rest: &str, pieces: &[Piece]) -> String {
    let holder = match written(pieces) {
        path if path.is_empty() => "the object".to_owned(),
        path => format!("`{path}`"),
    };
    let end = match rest.starts_with('[') {
        true => rest.find(']').map_or(rest.len(), |at| at + 1),
        false => rest.find(['.', '[']).unwrap_or(rest.len()),
    };
    let name = rest.get(..end).unwrap_or(rest);
    if let Some(items) = node.as_sequence() {
        let named = items.iter().filter_map(|item| item.get("name").and_then(Node::as_text));
        let named: Vec<String> = named.take(MAX_NAMES).map(|name| format!("[name={name}]")).collect();
        let hint = if named.is_empty() { String::new() } else { format!(": {}", named.join(", ")) };
        let count = match items.len() {
            1 => "1 item".to_owned(),
            count => format!("{count} items"),
        };
        return format!("{holder} has no `{name}`; it is a list of {count}{hint}");
    }
    let Some(mapping) = node.as_mapping() else {
        return format!("{holder} has no `{name}`; it is a single value");
    };
    let name = unquoted(name.trim_start_matches('[').trim_end_matches(']'));
    let gone = mapping.removed().iter().map(|grave| grave.key.text.as_str());
    let names = || mapping.iter().map(|entry| entry.key.text.as_str()).chain(gone.clone());
    if let Some(near) = nearest(name, names()) {
        return format!("{holder} has no `{name}`; did you mean `{near}`?");
    }
    let mut known: Vec<&str> = names().take(MAX_NAMES + 1).collect();
    if known.is_empty() {
        return format!("{holder} has no `{name}`; it is empty");
    }
    if known.len() > MAX_NAMES {
        known.truncate(MAX_NAMES);
        known.push("…");
    }
    format!("{holder} has no `{name}`; it has {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use crate::yaml::parse;

    fn value(path: &str) -> Result<(String, String), String> {
        let text = "a: {b.c/d: 1, b: {c: 2}, list: [{name: x, v: 3}, {name: y, v: 4}]}\n";
        let root = parse(FileId(0), text.as_bytes()).documents.remove(0).root.expect("content");
        match find(&root, path) {
            Lookup::Found { nodes, pieces } => {
                let text = nodes.last().and_then(|node| node.as_text()).unwrap_or_default();
                Ok((written(&pieces), text.to_owned()))
            }
            Lookup::Gone { .. } => Err("gone".to_owned()),
            Lookup::Missing(words) => Err(words),
        }
    }

    #[test]
    fn paths_are_followed() {
        let found = |path: &str, canonical: &str, text: &str| {
            assert_eq!(value(path), Ok((canonical.to_owned(), text.to_owned())), "{path}");
        };
        found("a.b.c", "a.b.c", "2");
        found("a.b.c/d", "a[\"b.c/d\"]", "1");
        found("a[\"b.c/d\"]", "a[\"b.c/d\"]", "1");
        found(".a.list[1].v", "a.list[1].v", "4");
        found("a.list[name=y].v", "a.list[1].v", "4");
        found("a.list.0.v", "a.list[0].v", "3");
    }

    #[test]
    fn what_is_missing_is_told_with_what_is_there() {
        let missing = |path: &str, words: &str| assert_eq!(value(path), Err(words.to_owned()), "{path}");
        missing("a.lisst", "`a` has no `lisst`; did you mean `list`?");
        missing("metadata", "the object has no `metadata`; it has a");
        missing("a.list[name=z]", "`a.list` has no `[name=z]`; it is a list of 2 items: [name=x], [name=y]");
        missing("a.list[9].v", "`a.list` has no `[9]`; it is a list of 2 items: [name=x], [name=y]");
        missing("a.b.c.d", "`a.b.c` has no `d`; it is a single value");
        missing("a.list[", "`a.list` has no `[`; it is a list of 2 items: [name=x], [name=y]");
    }
}
