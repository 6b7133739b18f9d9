//! yaml-rust2 as a second opinion on what YAML texts hold.
//!
//! Known differences, in none of which go-yaml sides with yaml-rust2:
//! - A block scalar at the end of a file without a line break has none either, as go-yaml reads it; yaml-rust2 adds one.
//! - A block scalar without any line is empty; yaml-rust2 reads a line break.
//! - A line that starts with `---` ends a block scalar at the document's root; to yaml-rust2 it belongs to the text.
//!
//! `cargo run --release --example differential -- DIR` compares every YAML file below a directory.

#![allow(clippy::expect_used)] // A test that can't go on should panic.

mod differential;

use differential::{Outcome, compare};
use proptest::prelude::*;

#[test]
fn sample_files_read_alike() {
    let mut count = 0;
    for entry in std::fs::read_dir("fixtures/yaml").expect("the samples") {
        let path = entry.expect("a sample").path();
        let text = std::fs::read_to_string(&path).expect("a text");
        assert_eq!(compare(&text), Outcome::Same, "{}", path.display());
        count += 1;
    }
    assert!(count >= 8, "{count} samples");
}

/// A value as text, for a place that is indented by `indentation`, behind a key's colon or a dash.
#[derive(Clone, Debug)]
enum Written {
    Scalar(String),
    Block(Vec<String>, bool),
    Flow(String),
    Sequence(Vec<Written>),
    Mapping(Vec<(String, Written)>),
}

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9./-]{0,8}",
        "[a-z]{1,5} [a-z:#日é]{0,4}[a-z]",
        "'[a-z #:{}\\[\\],&*!|>%@]{0,9}'",
        "\"[a-z #:{}\\[\\],&*!|>%@]{0,9}\"",
        Just("\"a\\n\\u00e9\\\"\"".to_owned()),
        Just("'it''s'".to_owned()),
        "-?[0-9]{1,4}(\\.[0-9]{1,2})?",
        Just(String::new()),
        Just("~".to_owned()),
        Just("!!str 12".to_owned()),
        Just("&x anchored".to_owned()),
    ]
}

fn flow() -> impl Strategy<Value = String> {
    let word = "[a-z]{1,5}|'[a-z, ]{0,5}'|\"[a-z: ]{0,5}\"";
    prop_oneof![
        prop::collection::vec(word, 0..4).prop_map(|words| format!("[{}]", words.join(", "))),
        prop::collection::btree_map("[a-z]{1,5}", word, 0..4).prop_map(|map| {
            let entries: Vec<_> = map.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            format!("{{{}}}", entries.join(", "))
        }),
    ]
}

fn written() -> impl Strategy<Value = Written> {
    let leaf = prop_oneof![
        4 => scalar().prop_map(Written::Scalar),
        1 => (prop::collection::vec("[a-z:#{}\\[\\]\"'-]{0,3} ?[a-z]{0,4}|", 1..5), any::<bool>())
            .prop_map(|(lines, folded)| Written::Block(lines, folded)),
        1 => flow().prop_map(Written::Flow),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..5).prop_map(Written::Sequence),
            prop::collection::btree_map("[a-z]{1,6}|'[a-z ]{1,5}'|\"[a-z]{1,4}\"|[0-9]{1,3}", inner, 1..5)
                .prop_map(|map| Written::Mapping(map.into_iter().collect())),
        ]
    })
}

fn document() -> impl Strategy<Value = Written> {
    written().prop_filter("a known difference", |written| !matches!(written, Written::Block(..)))
}

impl Written {
    fn write(&self, out: &mut String, indentation: usize) {
        let pad = " ".repeat(indentation);
        match self {
            Self::Scalar(text) if text.is_empty() => out.push('\n'),
            Self::Scalar(text) | Self::Flow(text) => out.push_str(&format!(" {text} # note\n")),
            Self::Block(lines, folded) => {
                out.push_str(if *folded { " >-\n" } else { " |\n" });
                // The first line shows the indentation.
                out.push_str(&format!("{pad}first\n"));
                for line in lines {
                    let line = line.trim_end();
                    out.push_str(&if line.is_empty() { "\n".to_owned() } else { format!("{pad}{line}\n") });
                }
            }
            Self::Sequence(items) => {
                out.push('\n');
                for item in items {
                    out.push_str(&format!("{pad}-"));
                    item.write(out, indentation + 2);
                }
            }
            Self::Mapping(entries) => {
                out.push_str("\n# comment\n");
                for (key, value) in entries {
                    out.push_str(&format!("{pad}{key}:"));
                    value.write(out, indentation + 2);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn written_documents_read_alike(documents in prop::collection::vec(document(), 1..4), carriage_returns in any::<bool>()) {
        let mut text = String::new();
        for document in &documents {
            text.push_str("---");
            document.write(&mut text, 0);
        }
        if carriage_returns {
            text = text.replace('\n', "\r\n");
        }
        let outcome = compare(&text);
        prop_assert!(outcome == Outcome::Same, "{:?}\n{}", outcome, text);
    }

    #[test]
    fn cut_documents_never_read_differently(document in document(), cut in 0..200usize) {
        let mut text = "---".to_owned();
        document.write(&mut text, 0);
        let at = text.floor_char_boundary(cut.min(text.len()));
        let text = format!("{}\n", &text[..at]);
        if text.trim_end().ends_with(['|', '>', '-']) {
            // A block scalar without any line.
            return Ok(());
        }
        let outcome = compare(&text);
        prop_assert!(!matches!(outcome, Outcome::Different(..)), "{:?}\n{}", outcome, text);
    }
}
