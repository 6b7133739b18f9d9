//! Edits of lists that keep the layout around them.

use crate::finding::Edit;
use crate::source::{FileId, SourceFile, Span};
use crate::yaml::{Entry, Node, Style};

/// The text of a file as somebody laid it out.
#[derive(Clone, Copy)]
pub(super) struct Layout<'a> {
    file: &'a SourceFile,
}

impl<'a> Layout<'a> {
    pub(super) fn new(file: &'a SourceFile) -> Self {
        Self { file }
    }

    /// How the file breaks its lines.
    pub(super) fn newline(self) -> &'static str {
        if self.file.text().is_some_and(|text| text.contains("\r\n")) { "\r\n" } else { "\n" }
    }

    pub(super) fn insert(file: FileId, at: u32, text: String) -> Edit {
        Edit { span: Span { file, start: at, end: at }, text }
    }

    /// The text of a node that stands on one line, without anchors and the like.
    pub(super) fn one_line(self, node: &Node) -> Option<&'a str> {
        let text = self.file.slice(node.span);
        (!text.contains(['\n', '&', '*', '#', '|', '>'])).then_some(text)
    }

    /// What stands before an item of a block list on its line: blanks, a dash, blanks.
    pub(super) fn prefix(self, item: &Node) -> Option<&'a str> {
        let start = self.line_start(item.span.start);
        let text = self.file.slice(Span { start, end: item.span.start, ..item.span });
        (text.trim() == "-").then_some(text)
    }

    /// Takes a field of the topmost map away, with its lines; `None` if comments would go with it.
    pub(super) fn without(self, entry: &Entry) -> Option<Edit> {
        let (start, last) = (entry.key.span.start, self.file.line_index(entry.value.span.end.saturating_sub(1)));
        let end = match self.file.line_starts().get(last + 1) {
            Some(end) => *end,
            None => u32::try_from(self.file.text()?.len()).ok()?,
        };
        let span = Span { start, end, ..entry.key.span };
        let text = self.file.slice(span);
        let behind = self.file.slice(Span { start: entry.value.span.end, ..span });
        (!text.contains('#') && behind.trim().is_empty()).then(|| Edit { span, text: String::new() })
    }

    /// Adds items behind the last one of a list.
    pub(super) fn append(self, list: &Node, items: &[&str]) -> Option<Edit> {
        let last = list.items().last()?;
        if list.style == Style::Flow {
            let text = items.iter().map(|item| format!(", {item}")).collect();
            return Some(Self::insert(last.span.file, last.span.end, text));
        }
        // The item may be of many lines; its dash is on the first.
        let prefix = self.prefix(last)?;
        let line = self.file.line_index(last.span.end.saturating_sub(1));
        let start = *self.file.line_starts().get(line)?;
        let end = start + u32::try_from(self.file.line(line).len()).ok()?;
        let newline = self.newline();
        let text = items.iter().map(|item| format!("{newline}{prefix}{item}")).collect();
        Some(Self::insert(last.span.file, end, text))
    }

    /// Adds items before the first one of a block list.
    pub(super) fn prepend(self, list: &Node, items: &[String]) -> Option<Edit> {
        let first = list.items().first().filter(|_| list.style != Style::Flow)?;
        let (prefix, newline) = (self.prefix(first)?, self.newline());
        let text = items.iter().map(|item| format!("{item}{newline}{prefix}")).collect();
        Some(Self::insert(first.span.file, first.span.start, text))
    }

    fn line_start(self, offset: u32) -> u32 {
        self.file.line_starts().get(self.file.line_index(offset)).copied().unwrap_or_default()
    }
}
