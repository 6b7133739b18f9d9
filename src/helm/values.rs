//! Merging values as Helm does.
//!
//! Two operations that look alike and are not: what a user gives is laid one over the other with nulls kept
//! ([`merge_values`], Helm's `mergeMaps`), and only the result meets the chart's defaults, where a null deletes
//! ([`coalesce`], Helm's `CoalesceTables`). A null in a middle layer would otherwise bring the default back.
//!
//! Left out: subcharts, which are [`super::chart`]'s matter, and `--set` texts, which are [`super::set`]'s.

use foldhash::{HashMap, HashMapExt};

use crate::source::Span;
use crate::yaml::{Action, Entry, Mapping, Node};

/// Maps up to this product of sizes are merged by comparing keys, larger ones through an index.
const SMALL_MERGE: usize = 4096;

/// Lays `over` upon `base`, both given by the user: maps merge, lists and scalars replace, a null is a value like any
/// other. Every node keeps its span; a value that is replaced goes into the history of the new one.
pub fn merge_values(base: &Node, over: &Node) -> Node {
    merge(base, over, &|existing, value| Some(merge_values(existing, value)))
}

/// Lays the user's values upon a chart's defaults: as [`merge_values`], but a null takes the default away and leaves a
/// tombstone, and where one side is a map and the other is none, the user's side stays.
pub fn coalesce(defaults: &Node, user: &Node) -> Node {
    merge(defaults, user, &|existing, value| {
        (!value.is_null() || existing.is_null()).then(|| coalesce(existing, value))
    })
}

/// `both` decides about a key that both maps have; `None` removes it.
fn merge(base: &Node, over: &Node, both: &dyn Fn(&Node, &Node) -> Option<Node>) -> Node {
    let (Some(below), Some(above)) = (base.as_mapping(), over.as_mapping()) else { return replaced(base, over) };
    let index = (below.len() * above.len() > SMALL_MERGE).then(|| Index::new(below));
    let mut merged = base.clone();
    let Some(mapping) = merged.as_mapping_mut() else { return replaced(base, over) };
    for entry in above.entries() {
        let existing = match &index {
            Some(index) => index.0.get(entry.key.text.as_str()).and_then(|at| below.entries().get(*at)),
            None => below.entry(&entry.key.text),
        };
        match existing {
            // Keys are unique in a map, so a key that is not in `below` is new.
            None => mapping.push(entry.clone()),
            Some(existing) => match both(&existing.value, &entry.value) {
                Some(value) => {
                    mapping.insert(entry.key.clone(), value);
                }
                None => {
                    mapping.remove(&entry.key.text, entry.key.span.to(entry.value.span));
                }
            },
        }
    }
    merged
}

struct Index(HashMap<String, usize>);

impl Index {
    fn new(mapping: &Mapping) -> Self {
        let mut index = HashMap::with_capacity(mapping.len());
        for (at, entry) in mapping.iter().enumerate() {
            index.insert(entry.key.text.to_string(), at);
        }
        Self(index)
    }
}

/// `over` in the place of `base`, with the past of both: what `over` replaced before came after `base`.
fn replaced(base: &Node, over: &Node) -> Node {
    let mut node = over.clone();
    let first = over.history.changes().iter().find_map(|change| change.before.as_ref()).unwrap_or(over);
    node.history = base.history.clone();
    node.changed(Action::Replaced, first.span, Some(base.clone()));
    over.history.changes().iter().for_each(|change| node.history.push(change.clone()));
    node
}

/// An empty map, brought about by the text at `span`.
pub fn empty_values(span: Span) -> Node {
    Node::mapping(Mapping::from_iter(Vec::<Entry>::new()), span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use crate::yaml::parse;

    fn node(text: &str) -> Node {
        parse(FileId(0), text.as_bytes()).documents.remove(0).root.expect("content")
    }

    #[test]
    fn maps_merge_and_lists_replace() {
        let merged = merge_values(&node("{a: {x: 1, y: [1, 2]}, b: 1}"), &node("{a: {y: [3]}, c: 2}"));
        assert!(merged.same_value(&node("{a: {x: 1, y: [3]}, b: 1, c: 2}")));
        let list = merged.at(&["a", "y"]).expect("a list");
        assert!(list.history.changes()[0].before.as_ref().expect("the older list").same_value(&node("[1, 2]")));
    }

    #[test]
    fn a_value_knows_every_layer_that_it_replaced() {
        let user = merge_values(&merge_values(&node("a: 1"), &node("a: 2")), &node("a: 3"));
        let all = coalesce(&node("a: 0"), &user);
        let changes = all.get("a").expect("a value").history.changes();
        let before: Vec<_> = changes.iter().filter_map(|change| change.before.as_ref()?.as_i64()).collect();
        assert_eq!(before, [0, 1, 2]);
    }

    #[test]
    fn a_null_survives_among_users_values_and_deletes_a_default() {
        let user = merge_values(&node("{a: {x: 1}, b: 1}"), &node("{a: ~, z: ~}"));
        assert!(user.same_value(&node("{a: ~, b: 1, z: ~}")));
        let all = coalesce(&node("{a: {x: 0}, c: 3}"), &user);
        assert!(all.same_value(&node("{c: 3, b: 1, z: ~}")));
        assert_eq!(all.as_mapping().expect("a map").removed().len(), 1);
    }

    #[test]
    fn a_later_map_replaces_a_null_and_still_meets_the_defaults() {
        let user = merge_values(&node("{a: ~}"), &node("{a: {y: 2}}"));
        assert!(coalesce(&node("{a: {x: 0}}"), &user).same_value(&node("{a: {x: 0, y: 2}}")));
    }

    #[test]
    fn large_maps_merge_alike() {
        let text = |value: u32| (0..500).map(|key| format!("k{key}: {value}\n")).collect::<String>();
        let merged = merge_values(&node(&text(1)), &node(&text(2)));
        assert!(merged.same_value(&node(&text(2))));
    }
}
