//! Spans are exact, whatever the notation: properties over generated texts.

#![allow(clippy::expect_used)] // A test that can't go on should panic.

use presync::source::{FileId, Span};
use presync::yaml::{self, Mapping, Node, Style, Value};
use proptest::prelude::*;

const FILE: FileId = FileId(0);

/// A line of a scalar: indentation beyond the block's own, words, blanks at the end.
fn line() -> impl Strategy<Value = (usize, usize, usize)> {
    (prop_oneof![4 => Just(0usize), 1 => 1..3usize], prop_oneof![1 => Just(0usize), 5 => 1..4usize], 0..2usize)
}

#[derive(Debug, Clone)]
struct Scalar {
    style: Style,
    lines: Vec<(usize, usize, usize)>,
    indentation: usize,
    chomping: &'static str,
    indicator: bool,
    crlf: bool,
    ends: bool,
    escapes: bool,
}

fn scalar() -> impl Strategy<Value = Scalar> {
    let styles = [Style::Plain, Style::SingleQuoted, Style::DoubleQuoted, Style::Literal, Style::Folded];
    (
        prop::sample::select(styles.to_vec()),
        prop::collection::vec(line(), 1..7),
        1..5usize,
        prop::sample::select(&["", "-", "+"][..]),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(style, lines, indentation, chomping, indicator, crlf, ends, escapes)| Scalar {
            style,
            lines,
            indentation,
            chomping,
            indicator,
            crlf,
            ends,
            escapes,
        })
}

impl Scalar {
    /// The scalar as the value of a key that is indented by `outer`, behind `key: `. Every word is another one.
    fn write(&self, outer: usize) -> String {
        let mut word = 0;
        let mut lines: Vec<String> = Vec::new();
        for (deeper, words, blanks) in &self.lines {
            let mut line = String::new();
            for _ in 0..*words {
                word += 1;
                if !line.is_empty() {
                    line.push_str([" ", "  ", " \t"][word % 3]);
                }
                line.push_str(&format!("w{word}é日z"));
                if self.escapes {
                    line.push_str(match self.style {
                        Style::SingleQuoted => "''",
                        Style::DoubleQuoted => {
                            ["\\\"", "\\n", "\\u00e9", "\\x41", "\\\\", "\\ud83d\\ude00", "\\\t", "\\/"][word % 8]
                        }
                        _ => ":x#",
                    });
                }
            }
            let is_block = matches!(self.style, Style::Literal | Style::Folded);
            if !line.is_empty() && is_block && (self.indicator || word > *words) {
                line.insert_str(0, &" ".repeat(*deeper));
            }
            if !line.is_empty() {
                line.push_str(&" ".repeat(*blanks));
                if self.style == Style::DoubleQuoted && self.escapes && deeper % 2 == 1 {
                    line.push('\\');
                }
            }
            lines.push(line);
        }
        if word == 0 {
            lines.push("w0é日z".to_owned());
        }
        let line_break = if self.crlf { "\r\n" } else { "\n" };
        let indentation = " ".repeat(outer + self.indentation);
        let indented = |line: &String| if line.is_empty() { String::new() } else { format!("{indentation}{line}") };
        let body = |lines: &[String]| lines.iter().map(indented).collect::<Vec<_>>().join(line_break);
        match self.style {
            Style::Literal | Style::Folded => {
                let sign = if self.style == Style::Literal { '|' } else { '>' };
                let indicator = if self.indicator { self.indentation.to_string() } else { String::new() };
                let end = if self.ends { line_break } else { "" };
                format!("{sign}{indicator}{}{line_break}{}{end}", self.chomping, body(&lines))
            }
            Style::SingleQuoted => format!("'{}'", body(&lines).trim_start()),
            Style::DoubleQuoted => {
                // An escape of the line's end needs a line behind it.
                let text = body(&lines);
                let text = text.trim_start();
                let odd = (text.len() - text.trim_end_matches('\\').len()) % 2 == 1;
                format!("\"{}\"", if odd { &text[..text.len() - 1] } else { text })
            }
            _ => body(&lines).trim().to_owned(),
        }
    }
}

/// Each word of the scalar's content stands in the file where the map says.
fn check_words(node: &Node, content: &str, text: &str, may_be_whole: bool) -> Result<(), TestCaseError> {
    for (start, _) in content.match_indices('w') {
        let end = start + content[start..].find('z').expect("every word ends in z") + 1;
        let span = yaml::part(node, start..end, text);
        if may_be_whole && span == node.span {
            continue;
        }
        prop_assert_eq!(&text[span.range()], &content[start..end], "{:?}", text);
    }
    Ok(())
}

fn scalar_at<'a>(root: Option<&'a Node>, path: &[&str]) -> Option<(&'a Node, &'a str)> {
    let node = root?.at(path)?;
    match &node.value {
        Value::Scalar(content) => Some((node, content)),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_of_scalars_point_at_their_own_text(scalar in scalar(), outer in 0..3usize) {
        let key = if outer > 0 { format!("a:\n{}k: ", " ".repeat(outer)) } else { "k: ".to_owned() };
        let text = format!("{key}{}", scalar.write(outer));
        let stream = yaml::parse(FILE, text.as_bytes());
        prop_assert_eq!(&stream.problems, &[], "{:?}", text);
        let path: &[&str] = if outer > 0 { &["a", "k"] } else { &["k"] };
        let found = scalar_at(stream.documents[0].root.as_ref(), path);
        prop_assert!(found.is_some(), "{:?}", text);
        if let Some((node, content)) = found {
            check_words(node, content, &text, false)?;
        }
    }

    #[test]
    fn scalars_in_embedded_documents_point_at_their_own_text(
        scalar in scalar(), indentation in 1..5usize, crlf in any::<bool>(), quoted in any::<bool>(), chomp in 0..3usize
    ) {
        let inner = format!("x:\n  k: {}", scalar.write(2));
        let line_break = if crlf { "\r\n" } else { "\n" };
        let text = if quoted {
            format!("v: \"{}\"\n", inner.replace('\\', "\\\\").replace('"', "\\\"").replace('\r', "").replace('\n', "\\n").replace('\t', "\\t"))
        } else {
            let lines = inner.split('\n').map(|line| line.trim_end_matches('\r'));
            let lines: Vec<_> = lines.map(|line| format!("{}{line}", " ".repeat(indentation))).collect();
            format!("v: |{}{line_break}{}{line_break}", ["", "-", "+"][chomp], lines.join(line_break))
        };
        let stream = yaml::parse(FILE, text.as_bytes());
        prop_assert_eq!(&stream.problems, &[], "{:?}", text);
        let (outer, _) = scalar_at(stream.documents[0].root.as_ref(), &["v"]).expect("the outer scalar");
        let embedded = yaml::embedded(outer, &text);
        prop_assert_eq!(&embedded.problems, &[], "{:?}", text);
        let root = embedded.documents[0].root.as_ref();
        let key = root.and_then(|root| root.at(&["x"])).and_then(|x| x.as_mapping()?.entry("k")).expect("the key");
        prop_assert_eq!(&text[key.key.span.range()], "k");
        if let Some((node, content)) = scalar_at(root, &["x", "k"]) {
            prop_assert!(node.span != outer.span);
            // Two levels of quotes are not followed; the scalar as a whole is still found.
            check_words(node, content, &text, quoted)?;
        }
    }

    #[test]
    fn no_bytes_upset_the_parser(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_stream(&bytes)?;
    }

    #[test]
    fn no_text_of_signs_upsets_the_parser(
        pieces in prop::collection::vec(prop::sample::select(&[
            "a", "b: ", ": ", "- ", "? ", "\n", "\n  ", "\n    ", "\r\n", "\t", "[", "]", "{", "}", ",", "'", "\"", "|", ">", "|2-", "&x ",
            "*x", "!t ", "!!str ", "# c", "---", "...", "%", "<<: ", "<<: *x", "日", "é", "\\", "\\n", "~", "{{", "}}", "@", "`", "0x1", "\u{feff}",
            "--- |\n", "a: &x {k: v}\n", "\u{85}", "\u{2028}", "\0",
        ][..]), 0..40)
    ) {
        check_stream(pieces.concat().as_bytes())?;
    }
}

/// Every span lies in the file and on characters, children within their parents, and plain scalars on their own text.
fn check_stream(bytes: &[u8]) -> Result<(), TestCaseError> {
    let stream = yaml::parse(FILE, bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        prop_assert!(!stream.problems.is_empty());
        return Ok(());
    };
    let whole = Span::new(FILE, 0, text.len());
    for problem in &stream.problems {
        prop_assert!(text.get(problem.span.range()).is_some(), "{:?} {:?}", problem, text);
        prop_assert!(!problem.kind.message().is_empty());
        if let Some((span, _)) = problem.kind.related() {
            prop_assert!(text.get(span.range()).is_some(), "{:?} {:?}", problem, text);
        }
    }
    for document in &stream.documents {
        if let Some(root) = &document.root {
            check_node(root, whole, text)?;
        }
    }
    Ok(())
}

fn check_node(node: &Node, parent: Span, text: &str) -> Result<(), TestCaseError> {
    // An alias shows the place of its anchor, which is elsewhere.
    let parent = if node.history.changes().is_empty() { parent } else { Span::new(FILE, 0, text.len()) };
    let slice = text.get(node.span.range());
    prop_assert!(slice.is_some(), "{:?} {:?}", node, text);
    let inside = parent.start <= node.span.start && node.span.end <= parent.end;
    prop_assert!(inside, "{:?} not in {:?}: {:?}", node, parent, text);
    let slice = slice.unwrap_or_default();
    match &node.value {
        Value::Scalar(content) => {
            if node.style == Style::Plain && !slice.contains(['\n', '\r']) && !node.is_unknown() {
                prop_assert_eq!(slice, content.as_str(), "{:?}", text);
            }
            let embedded = yaml::embedded(node, text);
            for root in embedded.documents.iter().filter_map(|document| document.root.as_ref()) {
                prop_assert!(text.get(root.span.range()).is_some(), "{:?} {:?}", root, text);
            }
        }
        Value::Sequence(items) => {
            if node.style == Style::Block {
                prop_assert!(slice.starts_with('-'), "{:?} {:?}", slice, text);
            }
            for item in items.iter() {
                check_node(item, node.span, text)?;
            }
        }
        Value::Mapping(mapping) => {
            let merged = merged_keys(mapping, node.span);
            for entry in mapping.iter().take(mapping.len() - merged) {
                let key = text.get(entry.key.span.range());
                prop_assert!(key.is_some(), "{:?} {:?}", entry, text);
                check_node(&entry.value, node.span, text)?;
            }
        }
    }
    Ok(())
}

/// Merged entries stand behind a map's own and are written elsewhere.
fn merged_keys(mapping: &Mapping, span: Span) -> usize {
    let own = |entry: &yaml::Entry| span.start <= entry.key.span.start && entry.key.span.end <= span.end;
    mapping.iter().rev().take_while(|entry| !own(entry)).count()
}
