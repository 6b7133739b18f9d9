//! From bytes to documents. Only this file and `syntax.rs` know the parser crate.
//!
//! granit-parser was measured best (see `docs/dependencies.md`): exact byte spans of starts and ends, comments, and
//! recovery at the next document. It reports events; anchors, merge keys and duplicate keys are dealt with here.
//!
//! Everything is linear in the text: a hostile file costs no more than an honest one of its size.

use std::borrow::Cow;
use std::ops::Range;

use compact_str::CompactString;
use foldhash::HashMap;
use granit_parser::{Event, Parser, ScalarStyle, ScanError, StrInput, StructureStyle};

use super::mapping::MappingFrame;
use super::node::{Action, Entry, Key, Node, Style, Tag, Value};
use super::problem::{Problem, ProblemKind};
use super::syntax;
use crate::source::{FileId, Span};

/// How many nodes aliases may add to one document. Real manifests stay below a thousand; a bomb passes this at once.
/// Up to here go-yaml lets a document consist of aliases by 99 in 100 (`allowedAliasRatio` in its `decode.go`).
const ALIAS_BUDGET: usize = 400_000;

/// How many values are read from one file. The largest files in use, bundles of custom resource definitions, have some
/// 200,000; a file of brackets and commas alone would fill the memory.
const MAX_VALUES: usize = 2_000_000;

/// How many problems of one file are listed. Who has more will not read them, and mends them all with the first.
const MAX_PROBLEMS: usize = 1_000;

/// Everything a file holds.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// Documents in order, broken ones left out.
    pub documents: Vec<Document>,
    /// What is wrong with the text, in order.
    pub problems: Vec<Problem>,
    /// Comments in order, each from its `#` to the end of its line.
    pub comments: Vec<Span>,
}

/// One YAML document.
#[derive(Clone, Debug)]
pub struct Document {
    /// The content; an empty document has none.
    pub root: Option<Node>,
    /// From the first to the last byte of the content.
    pub span: Span,
    /// Whether problems were found inside: the content may be less than what was written.
    pub damaged: bool,
}

/// Reads every document of a file. Never fails: what can't be read is a problem, and the rest is still there.
pub fn parse(file: FileId, bytes: &[u8]) -> Stream {
    let mut stream = Stream::default();
    if let Some(encoding) = wide_encoding(bytes) {
        stream
            .problems
            .push(Problem { kind: ProblemKind::WideEncoding(encoding), span: Span::new(file, 0, bytes.len().min(2)) });
        return stream;
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.valid_up_to();
            stream.problems.push(Problem { kind: ProblemKind::NotUtf8, span: Span::new(file, at, at + 1) });
            return stream;
        }
    };
    let without_mark = text.strip_prefix('\u{feff}').unwrap_or(text);
    let builder = Builder {
        file,
        offset: text.len() - without_mark.len(),
        text: without_mark,
        stream,
        document: Building::default(),
        values: 0,
        from: 0,
        anchors: Vec::new(),
        spare_lists: Vec::new(),
        spare_maps: Vec::new(),
    };
    builder.run()
}

/// A UTF-16 or UTF-32 text shows itself by its byte order mark, or by a NUL next to an ASCII character at its start.
fn wide_encoding(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => Some("UTF-32"),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Some("UTF-16"),
        [0, first, ..] | [first, 0, ..] if first.is_ascii_graphic() => Some("UTF-16"),
        _ => None,
    }
}

struct Builder<'a> {
    file: FileId,
    /// Length of a byte order mark before `text`.
    offset: usize,
    text: &'a str,
    stream: Stream,
    document: Building<'a>,
    /// Values so far, in all documents.
    values: usize,
    /// Where the document under construction may start: behind the last one or behind the last error.
    from: usize,
    /// Every anchor of the file.
    anchors: Vec<(Cow<'a, str>, Span)>,
    /// Memory of lists and maps that are finished, for those to come: growing each one anew would leave holes.
    spare_lists: Vec<Vec<Node>>,
    #[expect(clippy::vec_box, reason = "the box moves to the next frame as it is")]
    spare_maps: Vec<Box<MappingFrame>>,
}

/// The document under construction.
#[derive(Default)]
struct Building<'a> {
    frames: Vec<Frame>,
    root: Option<Node>,
    anchors: HashMap<usize, Anchor>,
    /// Undefined aliases, as places in the list of problems.
    undefined: Vec<(usize, Cow<'a, str>)>,
    /// Number of the file's anchors before this document.
    first_anchor: usize,
    expanded: usize,
    bomb: bool,
    damaged: bool,
    start: usize,
    /// End of the last token that takes space.
    end: usize,
}

struct Anchor {
    node: Node,
    nodes: usize,
}

struct Frame {
    kind: FrameKind,
    start: usize,
    style: Style,
    tag: Tag,
    anchor: usize,
    /// Nodes below, for the alias budget.
    nodes: usize,
}

enum FrameKind {
    Sequence(Vec<Node>),
    Mapping(Box<MappingFrame>, Option<PendingKey>),
}

enum PendingKey {
    Key(Key),
    Merge(Span),
    /// Reported already; its value is dropped.
    Unusable,
}

impl<'a> Builder<'a> {
    fn run(mut self) -> Stream {
        let mut options = granit_parser::Options::default();
        options.emit_anchor_events = true;
        options.emit_unresolved_aliases = true;
        // A manifest that is commented out line by line stands before a value often enough.
        options.max_buffered_comment_events = usize::MAX;
        let mut parser = Parser::new_from_str_with_options(self.text, options);
        while let Some(event) = parser.next_event() {
            match event {
                Ok((Event::StreamEnd, _)) => break,
                Ok((event, span)) => {
                    let range = span.byte_range().unwrap_or(0..0);
                    if self.values > MAX_VALUES {
                        let span = self.span(range.start, self.text.len());
                        self.problem(ProblemKind::TooManyValues, span);
                        self.finish_document();
                        break;
                    }
                    self.event(event, range);
                }
                Err(error) => {
                    self.syntax_error(&error);
                    if !self.recover(&mut parser) {
                        break;
                    }
                }
            }
        }
        self.stream.documents.shrink_to_fit();
        self.stream.comments.shrink_to_fit();
        self.stream.problems.sort_by_key(|problem| problem.span);
        self.stream
    }

    fn recover(&mut self, parser: &mut Parser<'a, StrInput<'a>>) -> bool {
        loop {
            match parser.proceed_next_document() {
                Ok(more) => return more,
                // The scanner moves on at each call; an error that does not is terminal and comes back the same.
                Err(error) if self.syntax_error(&error) => {}
                Err(_) => return false,
            }
        }
    }

    /// Records an error; false if it repeats the last one.
    fn syntax_error(&mut self, error: &ScanError) -> bool {
        let from = self.from.max(self.document.start);
        self.document = Building::default();
        let at = error.marker().byte_offset().unwrap_or(self.text.len());
        let at = self.text.floor_char_boundary(at);
        if self.stream.problems.last().is_some_and(|last| last.kind == ProblemKind::TooManyProblems) {
            return at > std::mem::replace(&mut self.from, at);
        }
        self.from = at;
        let (error, range) = syntax::explain(error.kind(), self.text, from, at, |start, end| self.span(start, end));
        let problem = Problem { kind: ProblemKind::Syntax(Box::new(error)), span: self.span(range.start, range.end) };
        if self.stream.problems.last() == Some(&problem) {
            return false;
        }
        self.problem(problem.kind, problem.span);
        true
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start + self.offset, end + self.offset)
    }

    fn problem(&mut self, kind: ProblemKind, span: Span) {
        self.document.damaged |= kind.loses_content();
        match self.stream.problems.len() {
            MAX_PROBLEMS => self.stream.problems.push(Problem { kind: ProblemKind::TooManyProblems, span }),
            count if count < MAX_PROBLEMS => self.stream.problems.push(Problem { kind, span }),
            _ => {}
        }
    }

    fn event(&mut self, event: Event<'a>, range: Range<usize>) {
        match event {
            Event::DocumentStart(..) => {
                let first_anchor = self.anchors.len();
                self.document = Building { start: range.start, end: range.start, first_anchor, ..Building::default() };
            }
            Event::DocumentEnd => {
                self.from = range.end;
                self.finish_document();
            }
            Event::Comment(..) => {
                let span = self.span(range.start, range.end);
                self.stream.comments.push(span);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.as_deref().map_or(Tag::None, read_tag);
                self.scalar(text, scalar_style(style), anchor, tag, range);
            }
            Event::SequenceStart(style, anchor, tag) => {
                let start = if style == StructureStyle::Block { self.first_dash(range.start) } else { range.start };
                let items = self.spare_lists.pop().unwrap_or_default();
                self.open(FrameKind::Sequence(items), style, anchor, tag.as_deref(), start);
            }
            Event::MappingStart(style, anchor, tag) => {
                let map = self.spare_maps.pop().unwrap_or_default();
                self.open(FrameKind::Mapping(map, None), style, anchor, tag.as_deref(), range.start);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(range),
            Event::Anchor(_, name) => {
                let span = self.span(range.start, range.end);
                self.anchors.push((name, span));
            }
            Event::Alias(id) => self.alias(id, range),
            Event::UnresolvedAlias(name) => {
                let span = self.span(range.start, range.end);
                self.document.end = range.end;
                if self.stream.problems.len() < MAX_PROBLEMS {
                    self.document.undefined.push((self.stream.problems.len(), name.clone()));
                }
                let node = Node::unknown(&*name, span);
                let kind = ProblemKind::UndefinedAlias { name: name.into_owned(), elsewhere: None, nearest: None };
                self.problem(kind, span);
                self.add(node, 1, span);
            }
            _ => {}
        }
    }

    fn scalar(&mut self, text: Cow<'_, str>, style: Style, anchor: usize, tag: Tag, mut range: Range<usize>) {
        let mut text = CompactString::from(text);
        // A long text grew by doubling.
        text.shrink_to_fit();
        let written = self.text.get(range.clone()).unwrap_or_default();
        match style {
            Style::Plain if written.is_empty() => {
                // The parser writes an absent value as "~" over no bytes behind the key; its place is behind the colon.
                text.clear();
                let rest = self.text.get(range.start..).unwrap_or_default();
                let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
                if self.document.awaits_value() && rest[blanks..].starts_with(':') {
                    range = range.start + blanks + 1..range.start + blanks + 1;
                }
            }
            Style::Literal | Style::Folded => {
                let last_line = written.rfind(['\n', '\r']).map_or(0, |at| at + 1);
                if last_line > 0 && written[last_line..].trim_start_matches(' ').is_empty() {
                    // The span reaches into the next line's indentation.
                    range.end = range.start + last_line;
                } else if range.end == self.text.len() && text.ends_with('\n') {
                    // The parser adds the line break that the file's end lacks; go-yaml does not.
                    text.pop();
                }
            }
            _ => {}
        }
        self.document.end = range.end;
        let span = self.span(range.start, range.end);
        let node = Node { tag, ..Node::new(Value::Scalar(text), style, span) };
        self.anchor(anchor, &node, 1);
        self.add(node, 1, span);
    }

    /// The parser starts a list that is not indented below its key at the first item; the list starts at its dash.
    fn first_dash(&self, start: usize) -> usize {
        let between = self.text.get(self.document.end..start).unwrap_or_default();
        let in_mapping = self.document.frames.last().is_some_and(|frame| matches!(frame.kind, FrameKind::Mapping(..)));
        if !in_mapping {
            return start;
        }
        let mut at = self.document.end;
        for line in between.split_inclusive(['\n', '\r']) {
            let text = line.trim_start_matches([' ', '\t']);
            if text.starts_with('-') {
                return at + line.len() - text.len();
            }
            at += line.len();
        }
        start
    }

    fn open(
        &mut self,
        kind: FrameKind,
        style: StructureStyle,
        anchor: usize,
        tag: Option<&granit_parser::Tag>,
        start: usize,
    ) {
        let style = if style == StructureStyle::Flow { Style::Flow } else { Style::Block };
        let tag = tag.map_or(Tag::None, read_tag);
        self.document.end = start;
        self.document.frames.push(Frame { kind, start, style, tag, anchor, nodes: 1 });
    }

    fn close(&mut self, range: Range<usize>) {
        let Some(frame) = self.document.frames.pop() else { return };
        if !range.is_empty() {
            self.document.end = range.end;
        }
        // Without a bracket the end event stands at the next token, which may be many comments later.
        let span = self.span(frame.start, self.document.end);
        let value = match frame.kind {
            FrameKind::Sequence(mut items) => {
                let mut exact = Vec::with_capacity(items.len());
                exact.append(&mut items);
                self.spare_lists.push(items);
                Value::Sequence(exact.into())
            }
            FrameKind::Mapping(mut frame, _) => {
                let mapping = frame.finish();
                self.spare_maps.push(frame);
                Value::Mapping(mapping.into())
            }
        };
        let node = Node { value, span, style: frame.style, tag: frame.tag, history: super::History::default() };
        self.anchor(frame.anchor, &node, frame.nodes);
        self.add(node, frame.nodes, span);
    }

    fn anchor(&mut self, id: usize, node: &Node, nodes: usize) {
        if id != 0 {
            self.document.anchors.insert(id, Anchor { node: node.clone(), nodes });
        }
    }

    fn alias(&mut self, id: usize, range: Range<usize>) {
        let span = self.span(range.start, range.end);
        self.document.end = range.end;
        let unknown = |text: &str| Node::unknown(text.get(range.clone()).unwrap_or_default(), span);
        let Some(anchor) = self.document.anchors.get(&id) else {
            self.problem(ProblemKind::RecursiveAlias, span);
            return self.add(unknown(self.text), 1, span);
        };
        let nodes = anchor.nodes;
        let expanded = self.document.expanded.saturating_add(nodes);
        if expanded > ALIAS_BUDGET {
            // Said once; a bomb has thousands of aliases.
            if !std::mem::replace(&mut self.document.bomb, true) {
                self.problem(ProblemKind::AliasBomb, span);
            }
            return self.add(unknown(self.text), 1, span);
        }
        let mut node = anchor.node.clone();
        node.changed(Action::Aliased, span, None);
        self.document.expanded = expanded;
        self.add(node, nodes, span);
    }

    /// Puts a finished node where the stream stands: as root, item, key or value. `place` is where it stands, which is
    /// another place than the node's own for an alias.
    fn add(&mut self, node: Node, nodes: usize, place: Span) {
        self.values += 1;
        let Some(frame) = self.document.frames.last_mut() else {
            self.document.root.get_or_insert(node);
            return;
        };
        frame.nodes = frame.nodes.saturating_add(nodes);
        let (mapping, pending) = match &mut frame.kind {
            FrameKind::Sequence(items) => return items.push(node),
            FrameKind::Mapping(mapping, pending) => (mapping, pending),
        };
        let problem = match pending.take() {
            None => {
                let (key, problem) = read_key(node, place);
                *pending = Some(key);
                // `{{ x }}` is a map whose only key is the map `{ x }`.
                let in_braces = |at: usize| self.text.get(at..).is_some_and(|text| text.starts_with("{{"));
                let outer = (place.start as usize).checked_sub(self.offset + 1);
                let problem = match problem {
                    Some(ProblemKind::KeyNotScalar) if outer.is_some_and(in_braces) => Some(ProblemKind::KeyTemplate),
                    problem => problem,
                };
                problem.map(|kind| (kind, place))
            }
            Some(PendingKey::Unusable) => None,
            Some(PendingKey::Merge(span)) => mapping.merge(node, span, place),
            Some(PendingKey::Key(key)) => mapping.insert(Entry { key, value: node }),
        };
        if let Some((kind, span)) = problem {
            self.problem(kind, span);
        }
    }

    fn finish_document(&mut self) {
        let document = std::mem::take(&mut self.document);
        for (at, name) in &document.undefined {
            let Some(Problem { kind: ProblemKind::UndefinedAlias { elsewhere, nearest, .. }, span }) =
                self.stream.problems.get_mut(*at)
            else {
                continue;
            };
            *elsewhere = self.anchors.iter().find(|(anchor, _)| anchor == name).map(|(_, span)| *span);
            let visible = self.anchors.iter().skip(document.first_anchor).take_while(|(_, set)| set.start < span.start);
            *nearest = nearest_name(name, visible.map(|(name, _)| name.as_ref()));
        }
        let start = self.span(document.start, document.start);
        let span = document.root.as_ref().map_or(start, |root| root.span);
        self.stream.documents.push(Document { root: document.root, span, damaged: document.damaged });
    }
}

impl Building<'_> {
    /// Whether the next node is the value of a key that has been read.
    fn awaits_value(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { kind: FrameKind::Mapping(_, Some(_)), .. }))
    }
}

/// What a node means as a key of a map.
fn read_key(node: Node, place: Span) -> (PendingKey, Option<ProblemKind>) {
    if node.tag == Tag::Unknown {
        // An alias that was reported already.
        return (PendingKey::Unusable, None);
    }
    let is_null = node.is_null();
    let Value::Scalar(text) = node.value else { return (PendingKey::Unusable, Some(ProblemKind::KeyNotScalar)) };
    if is_null {
        return (PendingKey::Unusable, Some(ProblemKind::KeyNull));
    }
    if text == "<<" && node.style == Style::Plain && node.tag == Tag::None {
        return (PendingKey::Merge(place), None);
    }
    let style = if node.tag == Tag::Str { Style::DoubleQuoted } else { node.style };
    (PendingKey::Key(Key { text, span: place, style }), None)
}

/// The most similar name, if any is similar enough to be meant.
fn nearest_name<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    // Names are compared in full, so the number and length of those looked at is limited.
    let names = names.take(100).filter(|other| other.len() <= 64 && name.len() <= 64);
    let rated = names.map(|other| (strsim::damerau_levenshtein(name, other), other));
    rated.filter(|(distance, other)| *distance <= other.len().max(name.len()) / 3).min().map(|(_, name)| name.into())
}

fn scalar_style(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
        _ => Style::Plain,
    }
}

fn read_tag(tag: &granit_parser::Tag) -> Tag {
    match tag.core_suffix() {
        Some("str") => Tag::Str,
        Some("int") => Tag::Int,
        Some("float") => Tag::Float,
        Some("bool") => Tag::Bool,
        Some("null") => Tag::Null,
        Some("binary") => Tag::Binary,
        Some(_) => Tag::None,
        // Binary is no type of the core schema.
        None if [tag.handle(), tag.suffix()].concat() == "tag:yaml.org,2002:binary" => Tag::Binary,
        None if tag.handle().is_empty() && tag.suffix() == "!" => Tag::Str,
        None => Tag::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Scalar;

    const FILE: FileId = FileId(0);

    fn only(text: &str) -> Node {
        let mut stream = parse(FILE, text.as_bytes());
        assert_eq!(stream.problems, []);
        assert_eq!(stream.documents.len(), 1);
        stream.documents.remove(0).root.expect("a document with content")
    }

    fn slice(text: &str, span: Span) -> &str {
        &text[span.range()]
    }

    #[test]
    fn spans_cover_exactly_what_is_written() {
        let text = "a:\n  - b: 'x y'\n    c: [1, 2] # note\n  # comment\n  - |\n    line\n    more\nd: *n\n"
            .replace("*n", "~");
        let root = only(&text);
        let item = &root.get("a").expect("a").items()[0];
        assert_eq!(slice(&text, item.get("b").expect("b").span), "'x y'");
        assert_eq!(slice(&text, item.get("c").expect("c").span), "[1, 2]");
        assert_eq!(slice(&text, item.span), "b: 'x y'\n    c: [1, 2]");
        assert_eq!(slice(&text, root.as_mapping().expect("map").entry("d").expect("d").key.span), "d");
        assert_eq!(slice(&text, root.get("a").expect("a").items()[1].span), "line\n    more\n");
    }

    #[test]
    fn duplicate_keys_keep_both_and_the_last_counts() {
        let stream = parse(FILE, b"a: {x: 1, y: 2}\nb: 1\na: {y: 3}\n");
        let root = stream.documents[0].root.as_ref().expect("content");
        assert_eq!(root.at(&["a", "y"]).and_then(Node::as_i64), Some(3));
        assert_eq!(root.as_mapping().expect("map").shadowed().len(), 1);
        let [Problem { kind: ProblemKind::DuplicateKey { key, lost, .. }, .. }] = &stream.problems[..] else {
            panic!()
        };
        assert_eq!((key.as_str(), lost.as_slice()), ("a", &["a.x".to_owned()][..]));
    }

    #[test]
    fn keys_are_compared_as_kubernetes_reads_them() {
        assert_eq!(parse(FILE, b"on: 1\ntrue: 2\n").problems.len(), 1);
        assert_eq!(parse(FILE, b"on: 1\n'true ': 2\n").problems.len(), 0);
    }

    #[test]
    fn a_broken_document_hides_no_other() {
        let stream = parse(FILE, b"a: 1\n---\nb: [\n---\nc: 3\n");
        assert_eq!(stream.documents.len(), 2);
        assert!(matches!(stream.problems[..], [Problem { kind: ProblemKind::Syntax(_), .. }]));
        assert_eq!(stream.documents[1].root.as_ref().and_then(|root| root.get("c")).and_then(Node::as_i64), Some(3));
    }

    #[test]
    fn aliases_keep_the_anchors_place_and_bombs_are_cut() {
        let text = "a: &x {k: v}\nb: *x\nc:\n  <<: *x\n  k: own\n";
        let root = only(text);
        assert_eq!(slice(text, root.get("b").expect("b").span), "{k: v}");
        assert_eq!(root.str_at(&["c", "k"]), Some("own"));
        let mut bomb = String::from("l0: &l0 [x,x,x,x,x,x,x,x,x,x]\n");
        for level in 1..30 {
            let below = format!("*l{},", level - 1).repeat(10);
            bomb.push_str(&format!("l{level}: &l{level} [{}]\n", below.trim_end_matches(',')));
        }
        let stream = parse(FILE, bomb.as_bytes());
        assert!(stream.problems.iter().any(|problem| problem.kind == ProblemKind::AliasBomb));
    }

    #[test]
    fn merges_follow_yaml_and_remember_go_yaml_v2() {
        let root = only("base: &b {a: 1}\nx: {a: 2, <<: *b}\ny: {<<: *b, a: 2}\n");
        assert_eq!(root.at(&["x", "a"]).and_then(Node::as_i64), Some(2));
        assert_eq!(root.get("x").and_then(Node::as_mapping).map(|map| map.merged_v2().len()), Some(1));
        assert_eq!(root.get("y").and_then(Node::as_mapping).map(|map| map.merged_v2().len()), Some(0));
    }

    #[test]
    fn absent_values_are_null_and_tags_are_kept() {
        let root = only("a:\nb: !!str 12\nc: !vault |\n  x\nd: ! 12\ne: ~\n");
        assert!(root.get("a").expect("a").is_null());
        assert_eq!(root.str_at(&["b"]), Some("12"));
        assert_eq!(root.get("c").and_then(Node::resolve), Some(Scalar::Unknown));
        assert_eq!(root.str_at(&["d"]), Some("12"));
        assert!(root.get("e").expect("e").is_null());
    }

    #[test]
    fn odd_encodings_are_named() {
        assert_eq!(parse(FILE, b"\xFF\xFEa\0").problems[0].kind, ProblemKind::WideEncoding("UTF-16"));
        assert_eq!(parse(FILE, b"a: \xFF\n").problems[0].kind, ProblemKind::NotUtf8);
        let stream = parse(FILE, "\u{feff}a: 1\r\nb: 2\r\n".as_bytes());
        let root = stream.documents[0].root.as_ref().expect("content");
        assert_eq!(root.get("b").expect("b").span, Span::new(FILE, 12, 13));
    }
}
