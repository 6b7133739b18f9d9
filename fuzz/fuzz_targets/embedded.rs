//! Text in text in text: what is found of a scalar's content stands in the file letter for letter, or the whole scalar is
//! named.
#![no_main]

use libfuzzer_sys::fuzz_target;
use presync::source::FileId;
use presync::yaml::{self, Node, Style, Value};

fn check(node: &Node, text: &str, depth: usize) {
    match &node.value {
        Value::Scalar(content) => {
            let stream = yaml::embedded(node, text);
            for root in stream.documents.iter().filter_map(|document| document.root.as_ref()) {
                assert!(text.get(root.span.range()).is_some());
                if depth > 0 {
                    check(root, text, depth - 1);
                }
            }
            for (start, character) in content.char_indices().take(200).filter(|(_, c)| c.is_alphanumeric()) {
                let part = yaml::part(node, start..start + character.len_utf8(), text);
                let slice = text.get(part.range()).expect("a span lies in the text");
                // An escape stands for its character, with other letters.
                let is_escape = matches!(node.style, Style::DoubleQuoted) && slice.starts_with('\\');
                assert!(part == node.span || is_escape || slice.starts_with(character), "{slice:?} for {character:?}");
            }
        }
        Value::Sequence(items) => items.iter().for_each(|item| check(item, text, depth)),
        Value::Mapping(mapping) => mapping.iter().for_each(|entry| check(&entry.value, text, depth)),
    }
}

fuzz_target!(|text: &str| {
    let stream = yaml::parse(FileId(0), text.as_bytes());
    stream.documents.iter().filter_map(|document| document.root.as_ref()).for_each(|root| check(root, text, 2));
});
