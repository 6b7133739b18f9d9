//! YAML or JSON inside a scalar: a patch in a block scalar, a datasource file in a ConfigMap, an Application's
//! `values: |`. It is parsed where it stands, and its spans point into the real file.

use super::node::{Entry, Node, Style, Value};
use super::parse::{Stream, parse};
use crate::source::{FileId, Span};

/// The parsed text of a scalar.
pub type Embedded = Stream;

/// Parses the text of a scalar of `file_text`. Every span of the result points into the file, not into the scalar.
///
/// A node that does not come from this text (a generator's data from another file) must be parsed with [`parse`].
/// Returns an empty stream for lists and maps.
pub fn embedded(node: &Node, file_text: &str) -> Embedded {
    let Value::Scalar(content) = &node.value else { return Stream::default() };
    let mut stream = parse(node.span.file, content.as_bytes());
    let map = ContentMap::new(node, content, file_text);
    for document in &mut stream.documents {
        document.span = map.span(document.span);
        if let Some(root) = &mut document.root {
            map.relocate(root);
        }
    }
    for problem in &mut stream.problems {
        problem.span = map.span(problem.span);
        if let Some(place) = problem.kind.places_mut() {
            *place = map.span(*place);
        }
    }
    for comment in &mut stream.comments {
        *comment = map.span(*comment);
    }
    stream
}

/// The bytes of the file that hold a part of a scalar's content, given as a range of that content's bytes. Has the same
/// condition as [`embedded`]. The whole scalar's span for lists and maps.
pub fn part(node: &Node, content: std::ops::Range<usize>, file_text: &str) -> Span {
    let Value::Scalar(text) = &node.value else { return node.span };
    ContentMap::new(node, text, file_text).span(Span::new(node.span.file, content.start, content.end))
}

/// Where each byte of a scalar's content stands in the file.
struct ContentMap {
    file: FileId,
    /// Content offset and file offset at which a run of equal bytes starts; sorted by content offset.
    runs: Vec<(u32, u32)>,
    end: u32,
}

impl ContentMap {
    /// Follows content and file text side by side. Both hold the same characters in the same order, except for what
    /// YAML drops (indentation, line folding, quotes) and what it decodes (escapes): wherever they differ, the file
    /// side is moved on to the next place that agrees.
    fn new(node: &Node, content: &str, file_text: &str) -> Self {
        let mut map = Self { file: node.span.file, runs: Vec::new(), end: node.span.end };
        let range = node.span.range();
        match node.style {
            Style::Literal | Style::Folded => {
                // The span starts behind the first line's indentation, which is needed to know that of the others.
                let line = file_text.get(..range.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
                map.follow_block(content, file_text.get(line..range.end).unwrap_or_default(), line);
            }
            Style::SingleQuoted | Style::DoubleQuoted if !range.is_empty() => {
                let start = range.start + 1;
                map.follow_flow(content, file_text.get(start..range.end).unwrap_or_default(), start, node.style);
            }
            style => map.follow_flow(content, file_text.get(range.clone()).unwrap_or_default(), range.start, style),
        }
        map
    }

    fn run(&mut self, content: usize, file: usize) {
        let run = (u32::try_from(content).unwrap_or(u32::MAX), u32::try_from(file).unwrap_or(u32::MAX));
        self.runs.push(run);
    }

    /// Block scalars: each content line is the tail of a file line. Folding joins lines, so a content line may hold
    /// several file lines with one blank between them.
    fn follow_block(&mut self, content: &str, written: &str, mut at: usize) {
        let mut rest = content;
        let mut position = 0;
        // Content whose first line starts with blanks of its own has an indentation indicator.
        let blanks = |line: &str| line.len() - line.trim_start_matches(' ').len();
        let first = |text: &str| text.lines().find(|line| !line.trim().is_empty()).map_or(0, blanks);
        let indent = first(written).saturating_sub(first(content));
        for line in written.split_inclusive('\n') {
            let text = line.trim_end_matches(['\n', '\r']);
            let body = text.get(indent..).unwrap_or_default();
            if let Some(found) = rest.find(body).filter(|found| rest[..*found].bytes().all(|b| b == b'\n' || b == b' '))
            {
                position += found;
                self.run(position, at + text.len() - body.len());
                position += body.len();
                rest = &rest[found + body.len()..];
                // The line break itself, so that offsets at a line's end stay on that line.
                self.run(position, at + text.len());
                if rest.starts_with(['\n', ' ']) {
                    position += 1;
                    rest = &rest[1..];
                }
            }
            at += line.len();
        }
    }

    /// Plain and quoted scalars: characters agree except at escapes and folded line breaks.
    fn follow_flow(&mut self, content: &str, written: &str, start: usize, style: Style) {
        let mut file = written.char_indices().peekable();
        let mut in_run = false;
        let mut position = 0;
        for character in content.chars() {
            // Skip the file's side of a fold: line break and indentation, which became one blank or nothing.
            while let Some((offset, found)) = file.peek().copied() {
                if found == '\\' && style == Style::DoubleQuoted {
                    self.run(position, start + offset);
                    skip_escape(&mut file);
                    in_run = false;
                    break;
                }
                if found == character {
                    if !in_run {
                        self.run(position, start + offset);
                        in_run = true;
                    }
                    file.next();
                    if found == '\'' && style == Style::SingleQuoted {
                        // '' is one quote.
                        file.next();
                        in_run = false;
                    }
                    break;
                }
                in_run = false;
                if character == ' ' && matches!(found, '\n' | '\r') || character == '\n' && found.is_whitespace() {
                    self.run(position, start + offset);
                    while file.peek().is_some_and(|(_, next)| next.is_whitespace()) {
                        file.next();
                        if character == '\n' {
                            break;
                        }
                    }
                    break;
                }
                file.next();
            }
            position += character.len_utf8();
        }
    }

    fn offset(&self, content: u32) -> u32 {
        let after = self.runs.partition_point(|(start, _)| *start <= content);
        let Some((start, file)) = after.checked_sub(1).and_then(|at| self.runs.get(at)) else {
            return self.runs.first().map_or(self.end, |(_, file)| *file);
        };
        (file + (content - start)).min(self.end)
    }

    fn span(&self, span: Span) -> Span {
        let start = self.offset(span.start);
        // The end is exclusive: it belongs to the last byte inside, not to the next run.
        let end = if span.end > span.start { self.offset(span.end - 1) + 1 } else { start };
        Span { file: self.file, start, end: end.max(start) }
    }

    fn relocate(&self, node: &mut Node) {
        node.span = self.span(node.span);
        let changes: Vec<_> = node.history.changes().to_vec();
        if !changes.is_empty() {
            node.history = super::History::default();
            for mut change in changes {
                change.by = self.span(change.by);
                node.history.push(change);
            }
        }
        if let Some(items) = node.as_sequence_mut() {
            items.iter_mut().for_each(|item| self.relocate(item));
        }
        if let Some(mapping) = node.as_mapping_mut() {
            mapping.relocate(&|span| self.span(span), &|entry: &mut Entry| self.relocate(&mut entry.value));
        }
    }
}

fn skip_escape(file: &mut std::iter::Peekable<std::str::CharIndices<'_>>) {
    file.next();
    let digits = match file.next() {
        Some((_, 'x')) => 2,
        Some((_, 'u')) => 4,
        Some((_, 'U')) => 8,
        _ => 0,
    };
    for _ in 0..digits {
        file.next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each embedded value must point at its own text in the file.
    fn check(text: &str, path: &[&str], expected: &str) {
        let file = parse(FileId(0), text.as_bytes());
        let outer = file.documents[0].root.as_ref().and_then(|root| root.get("data")).expect("data");
        let stream = embedded(outer, text);
        assert_eq!(stream.problems, []);
        let root = stream.documents[0].root.as_ref().expect("content");
        let node = root.at(path).expect("the path");
        assert_eq!(&text[node.span.range()], expected, "{text}");
    }

    #[test]
    fn spans_point_into_the_real_file() {
        check("data: |\n  a: 1\n  b:\n    c: two\nz: 1\n", &["b", "c"], "two");
        check("data: |-\n\n  # note\n  a: 1\n\n  b: 日本\n", &["b"], "日本");
        check("data: |\r\n  a: 1\r\n  b: two\r\n", &["b"], "two");
        check("data: >-\n  {a: 1,\n  b: two}\n", &["b"], "two");
        check("data: '{\"a\": \"it''s\", \"b\": two}'\n", &["b"], "two");
        check("data: \"{\\\"a\\\": \\\"x\\\", \\\"b\\\": two}\"\n", &["b"], "two");
        check("data: |2\n   a: 1\n   b: two\n", &["b"], "two");
        check("data: \"a: 1\\nb: two\\n\"\n", &["b"], "two");
    }

    #[test]
    fn parts_of_a_scalar_are_found_in_the_file() {
        for text in
            ["data: see ${x}\n", "data: 'it''s ${x}'\n", "data: \"a\\tb ${x}\"\n", "data: |\n  one\n  two ${x}\n"]
        {
            let file = parse(FileId(0), text.as_bytes());
            let node = file.documents[0].root.as_ref().and_then(|root| root.get("data")).expect("data");
            let at = node.as_str().and_then(|content| content.find("${x}")).expect("the part");
            assert_eq!(&text[part(node, at..at + 4, text).range()], "${x}", "{text}");
        }
    }
}
