//! Any bytes: no panic, spans within the text and on characters, plain scalars on their own text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use presync::source::FileId;
use presync::yaml::{self, Node, Style, Value};

fn check(node: &Node, text: &str) {
    let slice = text.get(node.span.range()).expect("a span lies in the text");
    match &node.value {
        Value::Scalar(content) => {
            if node.style == Style::Plain && !slice.contains(['\n', '\r']) && !node.is_unknown() {
                assert_eq!(slice, content.as_str());
            }
        }
        Value::Sequence(items) => items.iter().for_each(|item| check(item, text)),
        Value::Mapping(mapping) => {
            for entry in mapping.iter() {
                assert!(text.get(entry.key.span.range()).is_some());
                check(&entry.value, text);
            }
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let stream = yaml::parse(FileId(0), bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for problem in &stream.problems {
        assert!(text.get(problem.span.range()).is_some());
        assert!(!problem.kind.message().is_empty());
        if let Some((span, _)) = problem.kind.related() {
            assert!(text.get(span.range()).is_some());
        }
    }
    stream.comments.iter().for_each(|comment| assert!(text[comment.range()].starts_with('#')));
    stream.documents.iter().filter_map(|document| document.root.as_ref()).for_each(|root| check(root, text));
});
