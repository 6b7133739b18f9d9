//! Places as programs read them.

use serde::Serialize;

use super::Report;
use crate::source::Span;

/// A range of text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) start: Point,
    /// Behind the last character.
    pub(super) end: Point,
}

/// One place in a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Point {
    /// From 1.
    pub(super) line: u32,
    /// In characters, from 1.
    pub(super) column: u32,
    /// In bytes, from 0.
    pub(super) offset: u32,
}

/// Whose paths are meant.
#[derive(Clone, Copy)]
pub(super) enum Base {
    /// Relative to where the reader stands.
    Reader,
    /// Relative to the top of the checkout, as platforms want them that know the repository but not the reader.
    Platform,
}

impl Report<'_> {
    pub(super) fn place(&self, span: Span, base: Base) -> Place {
        let file = self.repository.files.sources.file(span.file);
        let point = |offset| {
            let position = file.position(offset);
            Point { line: position.line, column: position.column, offset }
        };
        let path = match base {
            Base::Reader => self.canvas.paths.display(&file.path),
            Base::Platform => self.platform_paths.display(&file.path),
        };
        Place { path, start: point(span.start), end: point(span.end) }
    }
}
