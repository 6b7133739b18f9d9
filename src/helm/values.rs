//! Merging values as Helm does: maps merge, lists replace, null deletes; later wins.

use crate::source::Span;
use crate::yaml::{Action, Entry, Key, Mapping, Node};

/// Lays `over` upon `base`. Every node keeps its span; a value that is replaced goes into the history of the new one,
/// a value that a null deletes leaves a tombstone.
pub fn merge_values(base: &Node, over: &Node) -> Node {
    if base.as_mapping().is_none() || over.as_mapping().is_none() {
        return replaced(base, over);
    }
    let mut merged = base.clone();
    if let Some(mapping) = merged.as_mapping_mut() {
        for entry in over.entries() {
            if entry.value.is_null() {
                mapping.remove(&entry.key.text, entry.value.span.to(entry.key.span));
                continue;
            }
            let value = match mapping.get(&entry.key.text) {
                Some(existing) => merge_values(existing, &entry.value),
                None => entry.value.clone(),
            };
            mapping.insert(entry.key.clone(), value);
        }
    }
    merged
}

fn replaced(base: &Node, over: &Node) -> Node {
    let mut node = over.clone();
    node.changed(Action::Replaced, over.span, Some(base.clone()));
    node
}

/// Writes one `--set` style parameter. A path that can't be read is left out and `false` returned.
pub fn set_parameter(values: &mut Node, path: &str, value: Node, by: Span) -> bool {
    let Some((head, rest)) = path.split_once('.').map(|(head, rest)| (head, Some(rest))).or(Some((path, None))) else {
        return false;
    };
    let Some(mapping) = values.as_mapping_mut() else { return false };
    match rest {
        None => {
            mapping.insert(Key::new(head, by), value);
            true
        }
        Some(rest) => {
            if mapping.get(head).is_none_or(|child| child.as_mapping().is_none()) {
                mapping.insert(Key::new(head, by), Node::mapping(Mapping::from_iter(Vec::<Entry>::new()), by));
            }
            mapping.get_mut(head).is_some_and(|child| set_parameter(child, rest, value, by))
        }
    }
}
