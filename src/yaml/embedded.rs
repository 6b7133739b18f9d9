//! YAML or JSON inside a scalar: a patch in a block scalar, a datasource file in a ConfigMap, an Application's
//! `values: |`. It is parsed where it stands, and its spans point into the real file.
//!
//! The scalar's text in the file is decoded once more, and each piece remembered with its place. If that gives another
//! text than the scalar has, because a patch or a substitution wrote it or because it stands two levels deep in quotes,
//! nothing is guessed: every span is then that of the whole scalar.

use std::ops::Range;

use super::node::{Entry, Node, Style, Value};
use super::parse::{Stream, parse};
use crate::source::Span;

/// The parsed text of a scalar.
pub type Embedded = Stream;

/// Parses the text of a scalar of `file_text`. Every span of the result points into the file, not into the scalar.
///
/// The scalar may itself come from such a stream: a dashboard in JSON within a chart's values within an Application.
/// Where the text of the scalar and what stands at its span in the file do not belong together, every span is the
/// scalar's own. Returns an empty stream for lists and maps.
pub fn embedded(node: &Node, file_text: &str) -> Embedded {
    let Value::Scalar(content) = &node.value else { return Stream::default() };
    let stream = parse(node.span.file, content.as_bytes());
    ContentMap::new(node, content, file_text).place(stream)
}

/// As [`embedded`], for a text that was made of the scalar's by a template: `parts` says of each part of `made` which
/// bytes of the scalar's content it comes from, in order, and whether it is those bytes.
pub fn embedded_as(
    node: &Node,
    made: &str,
    parts: impl IntoIterator<Item = (Range<usize>, Range<usize>, bool)>,
    file_text: &str,
) -> Embedded {
    let Value::Scalar(content) = &node.value else { return Stream::default() };
    let written = ContentMap::new(node, content, file_text);
    let mut map = ContentMap { whole: node.span, pieces: Vec::new() };
    let number = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
    for (made, from, verbatim) in parts {
        let (made, from) = (number(made.start)..number(made.end), number(from.start)..number(from.end));
        if verbatim {
            map.pieces.extend(written.cut(&from, made.start));
        } else if !made.is_empty() {
            let span = written.span(Span { file: node.span.file, start: from.start, end: from.end });
            map.pieces.push(Piece { content: made, file: span.start..span.end });
        }
    }
    map.place(parse(node.span.file, made.as_bytes()))
}

/// The bytes of the file that hold a part of a scalar's content, given as a range of that content's bytes. The whole
/// scalar's span for lists and maps, and where [`embedded`] would give it.
pub fn part(node: &Node, content: Range<usize>, file_text: &str) -> Span {
    let Value::Scalar(text) = &node.value else { return node.span };
    ContentMap::new(node, text, file_text).span(Span::new(node.span.file, content.start, content.end))
}

/// Where each byte of a scalar's content stands in the file.
struct ContentMap {
    /// The whole scalar.
    whole: Span,
    /// Sorted, without gaps on the content's side. Empty if content and file do not belong together.
    pieces: Vec<Piece>,
}

/// A piece of content and the bytes of the file that it was read from. Equal lengths mean equal bytes; otherwise the
/// piece is one thing, such as an escape or a folded line break.
struct Piece {
    content: Range<u32>,
    file: Range<u32>,
}

impl ContentMap {
    fn new(node: &Node, content: &str, file_text: &str) -> Self {
        let range = node.span.range();
        let mut decoder = Decoder { content, file_text, position: 0, pieces: Vec::new() };
        let decoded = file_text.get(range.clone()).is_some()
            && match node.style {
                Style::Literal => decoder.block(range, false),
                Style::Folded => decoder.block(range, true),
                Style::SingleQuoted | Style::DoubleQuoted => decoder.quoted(range, node.style),
                Style::Plain | Style::Block | Style::Flow => decoder.flow(range, Style::Plain),
            };
        let pieces = if decoded && decoder.position == content.len() { decoder.pieces } else { Vec::new() };
        Self { whole: node.span, pieces }
    }

    /// The pieces of a part of the content, as content that starts at `start`.
    fn cut(&self, part: &Range<u32>, start: u32) -> Vec<Piece> {
        let first = self.pieces.partition_point(|piece| piece.content.end <= part.start);
        let pieces = self.pieces.get(first..).unwrap_or_default().iter();
        let inside = pieces.take_while(|piece| piece.content.start < part.end);
        let cut = inside.map(|piece| {
            let content = piece.content.start.max(part.start)..piece.content.end.min(part.end);
            let file = if piece.content.len() == piece.file.len() {
                let skipped = content.start - piece.content.start;
                piece.file.start + skipped..piece.file.start + skipped + (content.end - content.start)
            } else {
                piece.file.clone()
            };
            Piece { content: start + (content.start - part.start)..start + (content.end - part.start), file }
        });
        cut.collect()
    }

    /// Moves a stream to where it is written.
    fn place(&self, mut stream: Stream) -> Stream {
        for document in &mut stream.documents {
            document.span = self.span(document.span);
            if let Some(root) = &mut document.root {
                self.relocate(root);
            }
        }
        for problem in &mut stream.problems {
            problem.span = self.span(problem.span);
            if let Some(place) = problem.kind.place_mut() {
                *place = self.span(*place);
            }
        }
        for comment in &mut stream.comments {
            *comment = self.span(*comment);
        }
        stream
    }

    /// The piece that holds a byte of the content, else the last one.
    fn piece(&self, content: u32) -> Option<&Piece> {
        let at = self.pieces.partition_point(|piece| piece.content.end <= content);
        self.pieces.get(at).or(self.pieces.last())
    }

    fn span(&self, span: Span) -> Span {
        let Some(first) = self.piece(span.start) else { return self.whole };
        let start = if span.start >= first.content.end {
            first.file.end
        } else if first.content.len() == first.file.len() {
            first.file.start + (span.start - first.content.start)
        } else {
            first.file.start
        };
        // The end is exclusive: it belongs to the last byte inside, not to the next piece.
        let end = match self.piece(span.end.saturating_sub(1)) {
            Some(_) if span.end <= span.start => start,
            Some(last) if last.content.len() == last.file.len() => {
                last.file.start + span.end.saturating_sub(last.content.start)
            }
            Some(last) => last.file.end,
            None => start,
        };
        Span { file: self.whole.file, start, end: end.max(start) }
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

/// Reads a scalar's text in the file again, side by side with the content that the parser gave.
///
/// Each method returns false as soon as the two differ.
struct Decoder<'a> {
    content: &'a str,
    file_text: &'a str,
    /// How much of the content has been found.
    position: usize,
    pieces: Vec<Piece>,
}

impl Decoder<'_> {
    fn piece(&mut self, length: usize, file: Range<usize>) {
        let number = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        let content = number(self.position)..number(self.position + length);
        self.position += length;
        let file = number(file.start)..number(file.end);
        if let Some(last) = self.pieces.last_mut()
            && last.content.len() == last.file.len()
            && last.file.end == file.start
            && content.len() == file.len()
        {
            last.content.end = content.end;
            last.file.end = file.end;
        } else if length > 0 {
            self.pieces.push(Piece { content, file });
        }
    }

    /// Bytes that stand in the file as they are.
    fn verbatim(&mut self, file: Range<usize>) -> bool {
        let rest = self.content.as_bytes().get(self.position..).unwrap_or_default();
        let same = rest.starts_with(self.file_text.as_bytes().get(file.clone()).unwrap_or_default());
        if same {
            self.piece(file.len(), file);
        }
        same
    }

    /// Content that another text of the file stands for.
    fn instead(&mut self, content: &str, file: Range<usize>) -> bool {
        let same = self.content.get(self.position..).is_some_and(|rest| rest.starts_with(content));
        if same {
            self.piece(content.len(), file);
        }
        same
    }

    fn line_breaks(&mut self, count: usize, file: Range<usize>) -> bool {
        let rest = self.content.as_bytes().get(self.position..).unwrap_or_default();
        let same = rest.len() >= count && rest[..count].iter().all(|byte| *byte == b'\n');
        if same {
            self.piece(count, file);
        }
        same
    }

    /// `|` and `>`: each content line is the tail of a file line, behind the indentation.
    fn block(&mut self, range: Range<usize>, folded: bool) -> bool {
        let line_start = self.file_text[..range.start].rfind(['\n', '\r']).map_or(0, |end| end + 1);
        let indentation = range.start - line_start;
        if self.file_text[line_start..range.start].bytes().any(|byte| byte != b' ') {
            return false;
        }
        // The span starts at the first line that is not blank.
        let blank_lines = self.content.bytes().take_while(|byte| *byte == b'\n').count();
        self.line_breaks(blank_lines, range.start..range.start);
        let mut breaks = 0;
        let mut end = range.start;
        let mut deeper_before = false;
        let mut at = line_start;
        while at < range.end && self.position < self.content.len() {
            let line = line_at(self.file_text, at, range.end);
            let text = &self.file_text[line.clone()];
            let own = text.len() - text.trim_start_matches(' ').len();
            let body = line.start + own.min(indentation)..line.end;
            at = after_break(self.file_text, line.end, range.end);
            if !body.is_empty() {
                let deeper = matches!(self.file_text.as_bytes().get(body.start), Some(b' ' | b'\t'));
                let joined = match breaks {
                    0 => true,
                    1 if folded && !deeper && !deeper_before => self.instead(" ", end..body.start),
                    _ if folded && !deeper && !deeper_before => self.line_breaks(breaks - 1, end..body.start),
                    _ => self.line_breaks(breaks, end..body.start),
                };
                if !joined || !self.verbatim(body.clone()) {
                    return false;
                }
                breaks = 0;
                end = body.end;
                deeper_before = deeper;
            }
            breaks += 1;
        }
        // What is left is line breaks at the end, as many as the chomping keeps.
        let left = self.content.len() - self.position;
        self.line_breaks(left, end..after_break(self.file_text, end, range.end))
    }

    fn quoted(&mut self, range: Range<usize>, style: Style) -> bool {
        let quote = if style == Style::SingleQuoted { '\'' } else { '"' };
        let written = &self.file_text[range.clone()];
        let inside = written.len() >= 2 && written.starts_with(quote) && written.ends_with(quote);
        inside && self.flow(range.start + 1..range.end - 1, style)
    }

    /// Plain and quoted scalars: characters stand as they are, except for escapes and folded line breaks.
    fn flow(&mut self, range: Range<usize>, style: Style) -> bool {
        let bytes = self.file_text.as_bytes();
        let mut at = range.start;
        while at < range.end {
            let special = |byte: &u8| match byte {
                b' ' | b'\t' | b'\n' | b'\r' => true,
                b'\\' => style == Style::DoubleQuoted,
                b'\'' => style == Style::SingleQuoted,
                _ => false,
            };
            let plain = bytes[at..range.end].iter().position(special).unwrap_or(range.end - at);
            let follows = if plain > 0 {
                let text = at..at + plain;
                at += plain;
                self.verbatim(text)
            } else {
                match bytes[at] {
                    b'\\' => self.escape(&mut at, range.end),
                    b'\'' => {
                        at += 2;
                        self.instead("'", at - 2..at)
                    }
                    _ => self.blanks(&mut at, range.end),
                }
            };
            if !follows {
                return false;
            }
        }
        true
    }

    /// Blanks stay, unless a line break follows: then they and the next line's indentation belong to the fold.
    fn blanks(&mut self, at: &mut usize, end: usize) -> bool {
        let start = *at;
        *at = after_blanks(self.file_text, *at, end);
        if !matches!(self.file_text.as_bytes()[..end].get(*at), Some(b'\n' | b'\r')) {
            return self.verbatim(start..*at);
        }
        match self.breaks(at, end) {
            1 => self.instead(" ", start..*at),
            several => self.line_breaks(several - 1, start..*at),
        }
    }

    /// Moves past line breaks and the blanks around them. Returns how many breaks there were.
    fn breaks(&self, at: &mut usize, end: usize) -> usize {
        let mut count = 0;
        loop {
            let next = after_break(self.file_text, *at, end);
            if next == *at {
                return count;
            }
            count += 1;
            *at = after_blanks(self.file_text, next, end);
        }
    }

    fn escape(&mut self, at: &mut usize, end: usize) -> bool {
        let start = *at;
        let bytes = &self.file_text.as_bytes()[..end];
        let hex = |at: usize, digits: usize| {
            let number = self.file_text.get(at..at + digits).filter(|_| at + digits <= end);
            number.and_then(|number| u32::from_str_radix(number, 16).ok())
        };
        let (length, character) = match bytes.get(start + 1) {
            Some(b'\n' | b'\r') => {
                *at += 1;
                let breaks = self.breaks(at, end);
                return self.line_breaks(breaks - 1, start..*at);
            }
            Some(b'0') => (2, Some('\0')),
            Some(b'a') => (2, Some('\u{7}')),
            Some(b'b') => (2, Some('\u{8}')),
            Some(b't' | b'\t') => (2, Some('\t')),
            Some(b'n') => (2, Some('\n')),
            Some(b'v') => (2, Some('\u{b}')),
            Some(b'f') => (2, Some('\u{c}')),
            Some(b'r') => (2, Some('\r')),
            Some(b'e') => (2, Some('\u{1b}')),
            Some(b'N') => (2, Some('\u{85}')),
            Some(b'_') => (2, Some('\u{a0}')),
            Some(b'L') => (2, Some('\u{2028}')),
            Some(b'P') => (2, Some('\u{2029}')),
            Some(byte @ (b' ' | b'"' | b'/' | b'\\')) => (2, Some(char::from(*byte))),
            Some(b'x') => (4, hex(start + 2, 2).and_then(char::from_u32)),
            Some(b'u') => match (hex(start + 2, 4), hex(start + 8, 4)) {
                (Some(high @ 0xD800..=0xDBFF), Some(low @ 0xDC00..=0xDFFF)) => {
                    (12, char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)))
                }
                (number, _) => (6, number.and_then(char::from_u32)),
            },
            Some(b'U') => (10, hex(start + 2, 8).and_then(char::from_u32)),
            _ => return false,
        };
        *at += length;
        *at <= end && character.is_some_and(|character| self.instead(character.encode_utf8(&mut [0; 4]), start..*at))
    }
}

/// The line that starts at `at`, without its line break.
fn line_at(text: &str, at: usize, end: usize) -> Range<usize> {
    let length = text.as_bytes()[at..end].iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    at..length.map_or(end, |length| at + length)
}

fn after_break(text: &str, at: usize, end: usize) -> usize {
    match text.as_bytes().get(at..end).unwrap_or_default() {
        [b'\r', b'\n', ..] => at + 2,
        [b'\r' | b'\n', ..] => at + 1,
        _ => at,
    }
}

fn after_blanks(text: &str, at: usize, end: usize) -> usize {
    at + text.as_bytes()[at..end].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

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
