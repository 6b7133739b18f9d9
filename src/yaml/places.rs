//! A text that was changed after it was written, as Flux' variables change it, keeps its shape: its values can take the
//! places of what was written, so that they still point at the line a person wrote.

use std::sync::Arc;

use super::node::{Entry, Mapping, Node, Tag, Value};
use super::parse::Stream;
use crate::source::Span;

/// The documents of `changed` in the places of those of `written`. Where the two have another shape, everything below
/// takes the place of the whole. A scalar that still holds a `${` is unknown.
pub fn placed_as(mut changed: Stream, written: &Stream, whole: Span) -> Stream {
    for (at, document) in changed.documents.iter_mut().enumerate() {
        let counterpart = written.documents.get(at);
        document.span = counterpart.map_or(whole, |document| document.span);
        if let Some(root) = &document.root {
            document.root = Some(place(root, counterpart.and_then(|document| document.root.as_ref()), whole));
        }
    }
    for problem in &mut changed.problems {
        problem.span = whole;
    }
    changed.comments.clone_from(&written.comments);
    changed
}

fn place(node: &Node, written: Option<&Node>, whole: Span) -> Node {
    let span = written.map_or(whole, |written| written.span);
    let mut placed = Node { span, ..node.clone() };
    match &node.value {
        Value::Scalar(text) => {
            if text.contains("${") {
                placed.tag = Tag::Unknown;
            }
        }
        Value::Sequence(items) => {
            let own = written.and_then(Node::as_sequence).filter(|own| own.len() == items.len());
            let items = items.iter().enumerate().map(|(at, item)| place(item, own.and_then(|own| own.get(at)), span));
            placed.value = Value::Sequence(Arc::new(items.collect()));
        }
        Value::Mapping(mapping) => {
            let own = written.and_then(Node::as_mapping).filter(|own| own.len() == mapping.len());
            let entries = mapping.iter().enumerate().map(|(at, entry)| {
                let own = own.and_then(|own| own.entries().get(at));
                let mut key = entry.key.clone();
                key.span = own.map_or(span, |own| own.key.span);
                Entry { key, value: place(&entry.value, own.map(|own| &own.value), span) }
            });
            placed.value = Value::Mapping(Arc::new(Mapping::from_iter(entries)));
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use crate::yaml::parse;

    #[test]
    fn changed_values_stand_where_they_were_written() {
        let written = "a: ${A}\nb: [x, \"${B}\"]\nc: {${K}: 1}\n".replace("{${K}: 1}", "{\"${K}\": 1}");
        let file = FileId(0);
        let whole = Span::new(file, 0, written.len());
        let changed = parse(file, b"a: 12345\nb: [x, \"${B}\"]\nc: {\"key\": 1}\n");
        let placed = placed_as(changed, &parse(file, written.as_bytes()), whole);
        let root = placed.documents[0].root.as_ref().expect("content");
        let slice = |node: &Node| &written[node.span.range()];
        let a = root.get("a").expect("a");
        assert_eq!((a.as_i64(), slice(a)), (Some(12345), "${A}"));
        assert!(root.get("b").expect("b").items()[1].is_unknown());
        assert_eq!(slice(root.at(&["c", "key"]).expect("the key")), "1");
        let written = parse(file, written.as_bytes());
        let other = placed_as(parse(file, b"- 1\n"), &written, whole);
        let item = &other.documents[0].root.as_ref().expect("content").items()[0];
        assert_eq!(Some(item.span), written.documents[0].root.as_ref().map(|root| root.span));
    }
}
