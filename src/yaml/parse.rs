//! From bytes to documents. The only file that knows the parser crate.
//!
//! granit-parser was measured best (see `docs/dependencies.md`): exact byte spans of starts and ends, comments, and
//! recovery at the next document. It reports events; anchors, merge keys and duplicate keys are dealt with here.

use std::borrow::Cow;

use compact_str::CompactString;
use foldhash::{HashMap, HashMapExt};
use granit_parser::{Event, Parser, ScalarStyle, ScanError, StrInput, StructureStyle};

use super::node::{Action, Entry, Key, Mapping, Node, Style, Tag, Value};
use crate::source::{FileId, Span};

/// How many nodes aliases may add to one document. Real manifests stay below a thousand; a bomb passes this at once.
const ALIAS_BUDGET: usize = 200_000;

/// Maps up to this size are searched for duplicate keys by comparing, larger ones through an index.
const SMALL_MAP: usize = 24;

/// Everything a file holds.
#[derive(Debug, Default)]
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

/// Something wrong with the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// What it is.
    pub kind: ProblemKind,
    /// Where it is.
    pub span: Span,
}

/// The kinds of [`Problem`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProblemKind {
    /// The text is not YAML; what the parser says of it. The document is lost, later ones are not.
    Syntax(String),
    /// Two equal keys in one map; the second counts. The first one's key, and the paths that only it had.
    DuplicateKey {
        /// The key.
        key: String,
        /// Where it stands first.
        first: Span,
        /// Leaves of the first value that the second one lacks, as dotted paths; at most eight.
        lost: Vec<String>,
    },
    /// An alias whose anchor does not exist before it.
    UndefinedAlias(String),
    /// An anchor that is used inside its own value.
    RecursiveAlias,
    /// Aliases multiply the document beyond any use.
    AliasBomb,
    /// A map or list as key.
    KeyNotScalar,
    /// `<<` with something else than maps.
    MergeNotMap,
    /// The bytes are not UTF-8.
    NotUtf8,
    /// The file is UTF-16 or UTF-32.
    WideEncoding(&'static str),
}

impl ProblemKind {
    /// Whether content was lost: such a file can't be judged whole.
    pub fn loses_content(&self) -> bool {
        !matches!(self, Self::DuplicateKey { .. })
    }
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
    document: Building,
}

/// The document under construction.
#[derive(Default)]
struct Building {
    frames: Vec<Frame>,
    root: Option<Node>,
    anchors: HashMap<usize, Anchor>,
    expanded: usize,
    damaged: bool,
    start: usize,
}

struct Anchor {
    node: Node,
    nodes: usize,
}

struct Frame {
    kind: FrameKind,
    span: Span,
    style: Style,
    tag: Tag,
    anchor: usize,
    /// Nodes below, for the alias budget.
    nodes: usize,
}

enum FrameKind {
    Sequence(Vec<Node>),
    Mapping(Box<MappingFrame>),
}

#[derive(Default)]
struct MappingFrame {
    mapping: Mapping,
    key: Option<PendingKey>,
    index: Option<HashMap<CompactString, usize>>,
    /// Merges in order, each with the number of own keys before it.
    merges: Vec<(usize, Node)>,
}

enum PendingKey {
    Key(Key),
    Merge,
    /// Reported already; its value is dropped.
    Unusable,
}

impl Builder<'_> {
    fn run(mut self) -> Stream {
        let mut options = granit_parser::Options::default();
        options.emit_anchor_events = false;
        options.emit_unresolved_aliases = true;
        // A manifest that is commented out line by line stands before a value often enough.
        options.max_buffered_comment_events = usize::MAX;
        let mut parser = Parser::new_from_str_with_options(self.text, options);
        while let Some(event) = parser.next_event() {
            match event {
                Ok((Event::StreamEnd, _)) => break,
                Ok((event, span)) => self.event(event, span),
                Err(error) => {
                    self.syntax_error(&error);
                    if !self.recover(&mut parser) {
                        break;
                    }
                }
            }
        }
        self.stream.documents.shrink_to_fit();
        self.stream.problems.sort_by_key(|problem| problem.span);
        self.stream
    }

    fn recover<'a>(&mut self, parser: &mut Parser<'a, StrInput<'a>>) -> bool {
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
        self.document = Building::default();
        let start = error.marker().byte_offset().unwrap_or(self.text.len()).min(self.text.len());
        let line_end = self.text[start..].find(['\n', '\r']).map_or(self.text.len(), |length| start + length);
        let span = self.span(start, line_end);
        let problem = Problem { kind: ProblemKind::Syntax(error.info()), span };
        if self.stream.problems.last() == Some(&problem) {
            return false;
        }
        self.stream.problems.push(problem);
        true
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start + self.offset, end + self.offset)
    }

    fn problem(&mut self, kind: ProblemKind, span: Span) {
        self.document.damaged |= kind.loses_content();
        self.stream.problems.push(Problem { kind, span });
    }

    fn event(&mut self, event: Event<'_>, at: granit_parser::Span) {
        let range = at.byte_range().unwrap_or(0..0);
        match event {
            Event::DocumentStart(..) => {
                self.document = Building { start: range.start, ..Building::default() };
            }
            Event::DocumentEnd => self.finish_document(),
            Event::Comment(..) => {
                let span = self.span(range.start, range.end);
                self.stream.comments.push(span);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.as_deref().map_or(Tag::None, read_tag);
                let style = scalar_style(style);
                // The parser writes an absent value as "~" over no bytes.
                let text = if range.is_empty() && style == Style::Plain { Cow::Borrowed("") } else { text };
                let span = self.span(range.start, range.end);
                let node = Node { tag, ..Node::new(Value::Scalar(CompactString::from(text)), style, span) };
                self.anchor(anchor, &node, 1);
                self.add(node, 1);
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.open(FrameKind::Sequence(Vec::new()), style, anchor, tag.as_deref(), range.start);
            }
            Event::MappingStart(style, anchor, tag) => {
                self.open(FrameKind::Mapping(Box::default()), style, anchor, tag.as_deref(), range.start);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(range.end),
            Event::Alias(id) => self.alias(id, range),
            Event::UnresolvedAlias(name) => {
                let span = self.span(range.start, range.end);
                self.problem(ProblemKind::UndefinedAlias(name.clone().into_owned()), span);
                self.add(Node::unknown(&*name, span), 1);
            }
            _ => {}
        }
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
        let span = self.span(start, start);
        self.document.frames.push(Frame { kind, span, style, tag, anchor, nodes: 1 });
    }

    fn close(&mut self, end: usize) {
        let Some(frame) = self.document.frames.pop() else { return };
        let mut span = frame.span;
        let (value, last) = match frame.kind {
            FrameKind::Sequence(mut items) => {
                items.shrink_to_fit();
                let last = items.last().map(|item| item.span);
                (Value::Sequence(items.into()), last)
            }
            FrameKind::Mapping(frame) => {
                let mut mapping = frame.mapping;
                for (own_keys_before, merged) in frame.merges {
                    self.merge(&mut mapping, own_keys_before, &merged);
                }
                mapping.shrink();
                let ends = mapping.iter().map(|entry| entry.value.span.to(entry.key.span));
                let last = ends.filter(|end| end.file == span.file).max_by_key(|end| end.end);
                (Value::Mapping(mapping.into()), last)
            }
        };
        // A block collection's end event stands at the next token, which may be many comments later.
        span.end = match (frame.style, last) {
            (Style::Block, Some(last)) => last.end.max(span.start),
            _ => self.span(end, end).end,
        };
        let node = Node { value, span, style: frame.style, tag: frame.tag, history: super::History::default() };
        self.anchor(frame.anchor, &node, frame.nodes);
        self.add(node, frame.nodes);
    }

    fn anchor(&mut self, id: usize, node: &Node, nodes: usize) {
        if id != 0 {
            self.document.anchors.insert(id, Anchor { node: node.clone(), nodes });
        }
    }

    fn alias(&mut self, id: usize, range: std::ops::Range<usize>) {
        let span = self.span(range.start, range.end);
        let Some(anchor) = self.document.anchors.get(&id) else {
            self.problem(ProblemKind::RecursiveAlias, span);
            return self.add(Node::unknown(self.text[range].to_owned(), span), 1);
        };
        let nodes = anchor.nodes;
        self.document.expanded = self.document.expanded.saturating_add(nodes);
        if self.document.expanded > ALIAS_BUDGET {
            // Said once; a bomb has thousands of aliases.
            if !matches!(self.stream.problems.last(), Some(Problem { kind: ProblemKind::AliasBomb, .. })) {
                self.problem(ProblemKind::AliasBomb, span);
            }
            return self.add(Node::unknown(self.text[range].to_owned(), span), 1);
        }
        let mut node = anchor.node.clone();
        node.changed(Action::Aliased, span, None);
        self.add(node, nodes);
    }

    /// Puts a finished node where the stream stands: as root, item, key or value.
    fn add(&mut self, node: Node, nodes: usize) {
        let Some(frame) = self.document.frames.last_mut() else {
            self.document.root.get_or_insert(node);
            return;
        };
        frame.nodes = frame.nodes.saturating_add(nodes);
        let mapping = match &mut frame.kind {
            FrameKind::Sequence(items) => {
                if frame.nodes == nodes + 1 && frame.style == Style::Block {
                    // The parser starts a block sequence at its first item; an indentless one has no other start.
                    frame.span.start = frame.span.start.min(node.span.start);
                }
                return items.push(node);
            }
            FrameKind::Mapping(mapping) => mapping,
        };
        match mapping.key.take() {
            None => {
                let key = match node.value {
                    Value::Scalar(text) => {
                        let is_merge = text == "<<" && node.style == Style::Plain && node.tag == Tag::None;
                        let span = node.history.changes().last().map_or(node.span, |change| change.by);
                        if is_merge {
                            PendingKey::Merge
                        } else {
                            PendingKey::Key(Key { text, span, style: node.style })
                        }
                    }
                    _ => {
                        self.problem(ProblemKind::KeyNotScalar, node.span);
                        PendingKey::Unusable
                    }
                };
                if let Some(Frame { kind: FrameKind::Mapping(mapping), .. }) = self.document.frames.last_mut() {
                    mapping.key = Some(key);
                }
            }
            Some(PendingKey::Unusable) => {}
            Some(PendingKey::Merge) => mapping.merges.push((mapping.mapping.len(), node)),
            Some(PendingKey::Key(key)) => {
                if let Some(duplicate) = mapping.insert(Entry { key, value: node }) {
                    self.problem(duplicate.0, duplicate.1);
                }
            }
        }
    }

    /// `<<`: adds the keys that the map lacks. Where go-yaml v2 would prefer the merged value, that is remembered.
    fn merge(&mut self, mapping: &mut Mapping, own_keys_before: usize, merged: &Node) {
        let maps: &[Node] = match &merged.value {
            Value::Mapping(_) => std::slice::from_ref(merged),
            Value::Sequence(items) if items.iter().all(|item| item.as_mapping().is_some()) => items,
            _ if merged.is_unknown() => return,
            _ => return self.problem(ProblemKind::MergeNotMap, merged.span),
        };
        let mut known: HashMap<CompactString, usize> = HashMap::with_capacity(mapping.len());
        known.extend(mapping.iter().enumerate().map(|(at, entry)| (entry.key.text.clone(), at)));
        for entry in maps.iter().flat_map(Node::entries) {
            match known.get(&entry.key.text) {
                Some(at) if *at < own_keys_before => mapping.remember_merged_v2(entry.clone()),
                Some(_) => {}
                None => {
                    known.insert(entry.key.text.clone(), usize::MAX);
                    mapping.push(entry.clone());
                }
            }
        }
    }

    fn finish_document(&mut self) {
        let document = std::mem::take(&mut self.document);
        let start = self.span(document.start, document.start);
        let span = document.root.as_ref().map_or(start, |root| root.span);
        self.stream.documents.push(Document { root: document.root, span, damaged: document.damaged });
    }
}

impl MappingFrame {
    /// Adds an entry; a duplicate takes the place of the first one and is returned as a problem.
    fn insert(&mut self, entry: Entry) -> Option<(ProblemKind, Span)> {
        let name = entry.key.json_name();
        let existing = match &self.index {
            None => self.mapping.iter().position(|known| known.key.json_name() == name),
            Some(index) => index.get(name.as_ref()).copied(),
        };
        let Some(at) = existing else {
            if let Some(index) = &mut self.index {
                index.insert(name.into(), self.mapping.len());
            }
            self.mapping.push(entry);
            if self.index.is_none() && self.mapping.len() > SMALL_MAP {
                let names = self.mapping.iter().enumerate();
                self.index = Some(names.map(|(at, entry)| (entry.key.json_name().into(), at)).collect());
            }
            return None;
        };
        let first = &self.mapping.entries()[at];
        let mut lost = Vec::new();
        lost_leaves(&first.value, Some(&entry.value), &mut first.key.text.to_string(), &mut lost);
        let problem = ProblemKind::DuplicateKey { key: name.into_owned(), first: first.key.span, lost };
        let span = entry.key.span;
        self.mapping.shadow(at, entry);
        Some((problem, span))
    }
}

/// Paths of `first`'s leaves that `second` has nothing at; at most eight.
fn lost_leaves(first: &Node, second: Option<&Node>, path: &mut String, lost: &mut Vec<String>) {
    if lost.len() >= 8 {
        return;
    }
    match (first.as_mapping(), second) {
        (None, Some(second)) if first.as_sequence().is_none() || second.same_value(first) => {}
        (Some(mapping), _) if !mapping.is_empty() => {
            let length = path.len();
            for entry in mapping.iter() {
                path.push('.');
                path.push_str(&entry.key.text);
                lost_leaves(&entry.value, second.and_then(|second| second.get(&entry.key.text)), path, lost);
                path.truncate(length);
            }
        }
        _ => lost.push(path.clone()),
    }
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
