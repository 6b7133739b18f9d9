//! Lists that a strategic merge patch merges by key.
//!
//! Upstream (`walk/associative_sequence.go`) compares each element with each; lists whose elements all have their keys,
//! which are nearly all lists, go through an index here with the same result.

use compact_str::CompactString;
use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use super::merge::{Lost, Merge, Mismatch, is_empty_map};
use super::merge_keys::Schema;
use super::scalar::is_nothing;
use crate::source::Span;
use crate::yaml::{Action, Entry, Key, Node, Value};

/// What a list is merged with.
pub(super) enum Patch {
    /// Nothing; the patch is silent here.
    None,
    /// The list itself.
    Same,
    /// A patch's list.
    List(Node),
}

type Keys = Vec<CompactString>;

/// Elements that a patch takes away, each with the place that does it.
type Graves = Vec<(Node, Span)>;

/// Lists with incomplete keys longer than this are not merged: the comparison of each with each would take too long,
/// and no object that long is accepted anywhere.
const LONGEST_ODD_LIST: usize = 2000;

fn key_of(element: &Node, key: &str) -> CompactString {
    if key.is_empty() {
        return element.value_text().unwrap_or_default().into();
    }
    element.get(key).filter(|value| !is_nothing(Some(value))).and_then(Node::value_text).unwrap_or_default().into()
}

fn keys_of(element: &Node, keys: &[String]) -> Keys {
    keys.iter().map(|key| key_of(element, key)).collect()
}

/// Whether some element lacks a key, or two have the same: then any patch changes the list.
pub(super) fn has_odd_keys(items: &[Node], keys: &[String]) -> bool {
    if keys.is_empty() {
        let mut seen = HashSet::with_capacity(items.len());
        return !items.iter().all(|item| item.value_text().is_some_and(|text| seen.insert(text)));
    }
    let mut seen = HashSet::with_capacity(items.len());
    !items.iter().all(|item| {
        let values = keys_of(item, keys);
        item.as_mapping().is_some() && values.iter().all(|value| !value.is_empty()) && seen.insert(values)
    })
}

pub(super) fn merge(
    merge: &mut Merge<'_>,
    mut dest: Node,
    patch: Patch,
    schema: &Schema,
    keys: &[String],
    name: &str,
) -> Result<Node, Mismatch> {
    let items = std::mem::take(dest.as_sequence_mut().unwrap_or(&mut Vec::new()));
    let mut graves: Graves = Vec::new();
    let merged = if keys.is_empty() {
        scalars(items, &patch)
    } else {
        let elements = schema.elements();
        // A key that no element has does not count, such as the protocol where nobody writes one.
        let patched = if let Patch::List(list) = &patch { list.items() } else { &[] };
        let used = |key: &&String| items.iter().chain(patched).any(|item| !key_of(item, key).is_empty());
        let used: Vec<String> = keys.iter().filter(used).cloned().collect();
        let keys = if used.is_empty() { keys } else { used.as_slice() };
        let complete = |items: &[Node]| {
            items
                .iter()
                .all(|item| item.as_mapping().is_some() && keys_of(item, keys).iter().all(|value| !value.is_empty()))
        };
        let patch_is_complete = match &patch {
            Patch::List(list) => complete(list.items()),
            Patch::None | Patch::Same => true,
        };
        let before = (has_odd_keys(&items, keys) || !patch_is_complete).then(|| items.clone());
        let merged = if complete(&items) && patch_is_complete {
            indexed(merge, items, &patch, &elements, keys, name, &mut graves)?
        } else {
            let longest = items.len().max(if let Patch::List(list) = &patch { list.items().len() } else { 0 });
            if longest > LONGEST_ODD_LIST {
                let why = format!(
                    "presync does not merge a list of {longest} elements of which some lack their key; the patch is left out"
                );
                return Err(Mismatch { span: dest.span, why, unsupported: true });
            }
            compared(merge, items, &patch, &elements, keys, name, &mut graves)?
        };
        if let Some(before) = before.filter(|_| !matches!(patch, Patch::Same)) {
            note_lost(merge, &before, &patch, &merged, keys, name);
        }
        merged
    };
    dest.value = Value::Sequence(std::sync::Arc::new(merged));
    for (item, by) in graves {
        dest.changed(Action::ItemRemoved, by, Some(item));
    }
    Ok(dest)
}

/// Looks for elements that are not in the result. Only lists with incomplete or repeated keys lose any.
fn note_lost(merge: &mut Merge<'_>, before: &[Node], patch: &Patch, merged: &[Node], keys: &[String], name: &str) {
    // To the API a port without a protocol has TCP.
    let identity = |item: &Node| -> Keys {
        let key = |key: &String| match key_of(item, key) {
            text if text.is_empty() && key == "protocol" => "TCP".into(),
            text => text,
        };
        keys.iter().map(key).collect()
    };
    let patched = if let Patch::List(list) = patch { list.items() } else { &[] };
    let mut left: HashMap<Keys, usize> = HashMap::with_capacity(merged.len());
    for item in merged {
        *left.entry(identity(item)).or_default() += 1;
    }
    let by_directive = |own: &Keys| patched.iter().any(|item| item.get("$patch").is_some() && identity(item) == *own);
    let missing = keys.iter().find(|key| before.iter().chain(patched).any(|item| key_of(item, key).is_empty()));
    let mut lose = |element: &Node, of_patch: bool| {
        let (list, keys, missing) = (name.to_owned(), keys.to_vec(), missing.cloned());
        merge.lost.push(Lost { list, element: element.span, of_patch, keys, missing });
    };
    // Of elements with the same keys the last stays, so the first are the lost ones. The API does not accept most of them
    // anyway, or takes the last one itself, as with variables; only one port may have two names.
    for item in before.iter().rev() {
        let own = identity(item);
        match left.get_mut(&own) {
            Some(count) if *count > 0 => *count -= 1,
            Some(_) if name != "ports" => {}
            _ if by_directive(&own) => {}
            _ => lose(item, false),
        }
    }
    for item in patched.iter().filter(|item| item.get("$patch").is_none()) {
        if !merged.iter().any(|result| covers(result, item)) {
            lose(item, true);
        }
    }
}

/// Whether everything that an element of a patch says is so.
fn covers(result: &Node, patch: &Node) -> bool {
    match (&result.value, &patch.value) {
        (Value::Mapping(_), Value::Mapping(wanted)) => wanted.iter().all(|entry| match result.get(&entry.key.text) {
            None => entry.value.is_null() || entry.key.text == "$patch",
            Some(own) => covers(own, &entry.value),
        }),
        (Value::Scalar(_), Value::Scalar(_)) => result.same_value(patch),
        // Lists below are merged or replaced on their own.
        (Value::Sequence(_), Value::Sequence(_)) => true,
        _ => false,
    }
}

/// A set of scalars: the patch's first, then the others.
fn scalars(items: Vec<Node>, patch: &Patch) -> Vec<Node> {
    let mut seen: HashSet<CompactString> = HashSet::new();
    let first = if let Patch::List(list) = patch { list.items().to_vec() } else { Vec::new() };
    first
        .into_iter()
        .chain(items)
        .filter(|item| !is_nothing(Some(item)) && seen.insert(item.value_text().unwrap_or_default().into()))
        .collect()
}

/// Merges two elements, or one with itself.
fn pair(
    merge: &mut Merge<'_>,
    own: Option<Node>,
    patch: &Patch,
    other: Option<Node>,
    schema: &Schema,
) -> Result<Option<Node>, Mismatch> {
    match (own, patch) {
        (Some(own), Patch::Same) => merge.absorb(own, schema.clone(), ""),
        (own, _) => merge.merge(own, other, schema.clone(), ""),
    }
}

fn indexed(
    merge: &mut Merge<'_>,
    mut items: Vec<Node>,
    patch: &Patch,
    schema: &Schema,
    keys: &[String],
    name: &str,
    graves: &mut Graves,
) -> Result<Vec<Node>, Mismatch> {
    let patched: &[Node] = if let Patch::List(list) = patch { list.items() } else { &[] };
    let mut first: HashMap<Keys, (Option<usize>, Option<usize>)> = HashMap::with_capacity(items.len() + patched.len());
    let mut order: Vec<Keys> = Vec::new();
    for (at, item) in patched.iter().enumerate() {
        let values = keys_of(item, keys);
        let places = first.entry(values.clone()).or_insert_with(|| {
            order.push(values);
            (None, None)
        });
        places.1.get_or_insert(at);
    }
    for (at, item) in items.iter().enumerate() {
        let values = keys_of(item, keys);
        let places = first.entry(values.clone()).or_insert_with(|| {
            order.push(values);
            (None, None)
        });
        places.0.get_or_insert(at);
    }
    let mut result: Vec<Option<Node>> = Vec::with_capacity(order.len());
    let mut place: HashMap<Keys, usize> = HashMap::with_capacity(order.len());
    let mut gone: HashSet<Keys> = HashSet::new();
    for values in order {
        let (own, other) = first.get(&values).copied().unwrap_or_default();
        let other_node = other.and_then(|at| patched.get(at)).cloned();
        // A keyed element that asks to be replaced is put back as it was: upstream appends the old one over the new.
        let replaced =
            other_node.as_ref().is_some_and(|node| node.get("$patch").and_then(Node::value_text) == Some("replace"));
        let before = own.and_then(|at| items.get(at)).cloned();
        if replaced && before.is_some() {
            merge.idle.extend(other_node.as_ref().and_then(|node| node.get("$patch")).map(|directive| directive.span));
        }
        let appended = before.is_none().then(|| other_node.clone()).flatten();
        let by = other_node.as_ref().map(|node| node.span);
        let merged = pair(merge, before.clone(), patch, other_node, schema)?;
        let Some(node) = merged.filter(|node| !node.is_null() && !is_empty_map(node)) else {
            graves.extend(before.zip(by));
            gone.insert(values);
            continue;
        };
        if let Some(element) = appended {
            merge.appended.push((name.to_owned(), element));
        }
        if let Some(own) = own.and_then(|at| items.get_mut(at)).filter(|_| !replaced) {
            *own = node.clone();
        }
        place.insert(values, result.len());
        result.push(Some(node));
    }
    for item in items {
        let values = keys_of(&item, keys);
        if gone.contains(&values) {
            continue;
        }
        match place.get(&values).copied() {
            Some(at) if keys.len() == 1 => {
                if let Some(place) = result.get_mut(at) {
                    *place = Some(item);
                }
            }
            // With several keys upstream takes the element out and appends it.
            other => {
                if let Some(old) = other.and_then(|at| result.get_mut(at)) {
                    *old = None;
                }
                place.insert(values, result.len());
                result.push(Some(item));
            }
        }
    }
    Ok(result.into_iter().flatten().collect())
}

/// The general case, as upstream goes about it.
fn compared(
    merge: &mut Merge<'_>,
    mut items: Vec<Node>,
    patch: &Patch,
    schema: &Schema,
    keys: &[String],
    name: &str,
    graves: &mut Graves,
) -> Result<Vec<Node>, Mismatch> {
    let patched: Vec<Node> = if let Patch::List(list) = patch { list.items().to_vec() } else { Vec::new() };
    let mut seen: HashSet<Keys> = HashSet::new();
    let mut values: Vec<Keys> = patched
        .iter()
        .chain(&items)
        .map(|item| keys_of(item, keys))
        .filter(|values| seen.insert(values.clone()))
        .collect();
    if keys.len() > 1 {
        unify(&mut values);
    }
    let mut added: Vec<Node> = Vec::new();
    let mut valid: Vec<String> = Vec::new();
    for own in &values {
        let (valid_keys, valid_values) = usable_keys(&values, own, keys);
        let (find_keys, find_values) = usable_keys(std::slice::from_ref(&valid_values), &valid_values, &valid_keys);
        let find = |list: &[Node]| list.iter().position(|item| matches_exactly(item, &find_keys, &find_values));
        let at = find(&items);
        let other = find(&patched).and_then(|at| patched.get(at)).cloned();
        let replaced =
            other.as_ref().is_some_and(|node| node.get("$patch").and_then(Node::value_text) == Some("replace"));
        if replaced && at.is_some() {
            merge.idle.extend(other.as_ref().and_then(|node| node.get("$patch")).map(|directive| directive.span));
        }
        let before = at.and_then(|at| items.get(at)).cloned();
        let by = other.as_ref().map(|node| node.span);
        let appended = before.is_none().then(|| other.clone()).flatten();
        let merged = pair(merge, before.clone(), patch, other, schema)?;
        valid.clone_from(&valid_keys);
        let Some(mut node) = merged.filter(|node| !node.is_null() && !is_empty_map(node)) else {
            graves.extend(before.zip(by));
            set_element(&mut items, None, &valid_keys, &valid_values);
            continue;
        };
        merge.appended.extend(appended.map(|element| (name.to_owned(), element)));
        for (key, value) in valid_keys.iter().zip(&valid_values) {
            if node.get(key).is_none() && !value.is_empty() {
                let span = node.span;
                if let Some(mapping) = node.as_mapping_mut() {
                    mapping.push(Entry { key: Key::new(key.as_str(), span), value: Node::plain(value.clone(), span) });
                }
            }
        }
        if let Some(own) = at.and_then(|at| items.get_mut(at)).filter(|_| !replaced) {
            *own = node.clone();
        }
        set_element(&mut added, Some(&node), &valid_keys, &valid_values);
    }
    if values.is_empty() {
        return Ok(items);
    }
    for item in items {
        let mut found: Keys = Vec::new();
        for key in &valid {
            match item.get(key) {
                None => added.push(item.clone()),
                Some(value) => found.push(value.value_text().unwrap_or_default().into()),
            }
        }
        if valid.len() > 1 {
            set_element(&mut added, None, &valid, &found);
        }
        set_element(&mut added, Some(&item), &valid, &found);
    }
    Ok(added)
}

/// Key tuples that differ only where one of them has nothing stand for one element.
fn unify(values: &mut [Keys]) {
    for a in 0..values.len() {
        for b in 0..values.len() {
            let (Some(own), Some(other)) = (values.get(a), values.get(b)) else { continue };
            let mut common = false;
            let mut whole = Vec::with_capacity(own.len());
            let fits = own.iter().zip(other).all(|(own, other)| {
                common |= own == other;
                whole.push(if own.is_empty() { other.clone() } else { own.clone() });
                own == other || own.is_empty() || other.is_empty()
            });
            if fits && common {
                if let Some(place) = values.get_mut(a) {
                    place.clone_from(&whole);
                }
                if let Some(place) = values.get_mut(b) {
                    *place = whole;
                }
            }
        }
    }
}

/// The keys that any element has, with this element's values.
fn usable_keys(all: &[Keys], own: &Keys, keys: &[String]) -> (Vec<String>, Keys) {
    let used = |at: usize| all.iter().any(|values| values.get(at).is_some_and(|value| !value.is_empty()));
    if !(0..keys.len()).any(used) {
        return (keys.to_vec(), own.clone());
    }
    let pairs = keys.iter().zip(own).enumerate().filter(|(at, _)| used(*at));
    pairs.map(|(_, (key, value))| (key.clone(), value.clone())).unzip()
}

fn matches_exactly(item: &Node, keys: &[String], values: &[CompactString]) -> bool {
    item.as_mapping().is_some()
        && keys.iter().zip(values).all(|(key, value)| {
            item.get(key).is_some_and(|found| found.value_text().unwrap_or_default() == value.as_str())
        })
}

/// Replaces the elements that have these values, or appends the element; without an element, removes them.
/// An empty value matches any; fewer values than keys match nothing, and no values at all clear the list.
fn set_element(list: &mut Vec<Node>, element: Option<&Node>, keys: &[String], values: &[CompactString]) {
    let mut found = false;
    let old = std::mem::take(list);
    let of_maps = values.first().is_some_and(|value| !value.is_empty());
    for item in old {
        if is_nothing(Some(&item)) || is_empty_map(&item) {
            continue;
        }
        if item.as_mapping().is_none() && of_maps {
            list.push(item);
            continue;
        }
        let mut last = false;
        let matches = keys.iter().enumerate().all(|(at, key)| {
            if let Some(value) = values.get(at) {
                last = item
                    .get(key)
                    .is_some_and(|own| value.is_empty() || own.value_text().unwrap_or_default() == value.as_str());
            }
            last
        });
        if !matches {
            if !values.is_empty() {
                list.push(item);
            }
            continue;
        }
        found = true;
        list.extend(element.cloned());
    }
    if let Some(element) = element.filter(|element| !found && !element.is_null()) {
        list.push(element.clone());
    }
}
