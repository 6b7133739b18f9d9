//! The lines that a finding talks about, as miette reads them.
//!
//! miette draws one source per diagnostic and wants it whole. A finding speaks of several files, of which a few lines
//! matter. So the lines are copied into one text, page by page, with each label moved along. A page knows the file and
//! the line it comes from. Reading across two pages is refused, which makes miette draw them as frames of their own.
//!
//! On the way, long lines are clipped around their label, tabs become spaces, whatever would steer the terminal is
//! replaced, and secret values are hidden.

use std::ops::Range;
use std::sync::Arc;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use unicode_width::UnicodeWidthChar;

use super::secrets::Secrets;
use super::visible;
use crate::source::{Position, SourceFile, Span};

/// Lines shown before and behind each labelled line.
const CONTEXT_LINES: usize = 1;
/// Bytes of a line that are looked at on either side of its label; more can't be shown in any terminal.
const CLIP_BYTES: usize = 2048;

/// A place that is to be shown.
pub(super) struct Place {
    pub(super) file: Arc<SourceFile>,
    pub(super) path: String,
    pub(super) secrets: Arc<Secrets>,
    pub(super) span: Span,
}

/// The copied lines.
pub(super) struct Excerpt {
    text: String,
    pages: Vec<Page>,
    marks: Vec<Mark>,
}

/// Consecutive lines of one file.
struct Page {
    path: String,
    lines: Range<usize>,
    text: Range<usize>,
}

/// Where a place went.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// Bytes of the copied text.
    pub(super) text: Range<usize>,
    /// The place in its file.
    position: Position,
}

impl Excerpt {
    /// Copies the lines around `places`. Lines are clipped to `width` columns.
    pub(super) fn new(places: &[Place], width: usize) -> Self {
        let mut marks: Vec<Mark> =
            places.iter().map(|place| Mark { text: 0..0, position: place.file.position(place.span.start) }).collect();
        let mut excerpt = Self { text: String::new(), pages: Vec::new(), marks: Vec::new() };
        for (first, lines) in pages(places) {
            let file = &first.file;
            let inside: Vec<usize> = (0..places.len())
                .filter(|at| places[*at].file.id == file.id && lines.contains(&line_of(&places[*at])))
                .collect();
            let start = excerpt.text.len();
            for line in lines.clone() {
                let labelled = inside.iter().copied().filter(|at| line_of(&places[*at]) == line);
                let mut labels: Vec<(usize, Range<usize>)> = labelled.map(|at| (at, on_line(&places[at]))).collect();
                let copied = Line { file, line, secrets: &first.secrets, width };
                copied.copy(&mut labels, &mut excerpt.text);
                labels.into_iter().for_each(|(at, text)| marks[at].text = text);
                excerpt.text.push('\n');
            }
            excerpt.pages.push(Page { path: first.path.clone(), lines, text: start..excerpt.text.len() });
        }
        excerpt.marks = marks;
        excerpt
    }

    /// Where the places went, in their order.
    pub(super) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// For each page, the digits of its last line's number, which decide how far miette indents its frame.
    pub(super) fn digits(&self) -> impl Iterator<Item = usize> {
        self.pages.iter().map(|page| page.lines.end.to_string().len())
    }
}

fn line_of(place: &Place) -> usize {
    place.file.line_index(place.span.start)
}

/// The lines to copy, in the order in which the places tell the story, but file by file.
fn pages(places: &[Place]) -> Vec<(&Place, Range<usize>)> {
    let mut pages: Vec<(&Place, Range<usize>)> = Vec::new();
    for place in places {
        let line = line_of(place);
        let last = place.file.line_starts().len();
        // A text that ends with a line break has nothing on its last line.
        let last = if last > 1 && place.file.line(last - 1).is_empty() { last - 1 } else { last };
        let mut lines = line.saturating_sub(CONTEXT_LINES)..(line + 1 + CONTEXT_LINES).min(last.max(line + 1));
        let mut at = None;
        // Pages that touch become one, at the place of the first of them.
        pages = pages.into_iter().fold(Vec::new(), |mut kept, (other, theirs)| {
            if other.file.id == place.file.id && theirs.start <= lines.end && lines.start <= theirs.end {
                lines = lines.start.min(theirs.start)..lines.end.max(theirs.end);
                at = at.or(Some((kept.len(), other)));
            } else {
                kept.push((other, theirs));
            }
            kept
        });
        match at {
            Some((at, other)) => pages.insert(at, (other, lines)),
            None => {
                let behind = pages.iter().rposition(|(other, _)| other.file.id == place.file.id);
                pages.insert(behind.map_or(pages.len(), |at| at + 1), (place, lines));
            }
        }
    }
    pages
}

/// The part of a place on its first line, in bytes of the file. Later lines are not marked: a label that runs over fifty
/// lines says no more than one at their head.
fn on_line(place: &Place) -> Range<usize> {
    let line = line_of(place);
    let start = place.span.start as usize;
    let line_start = place.file.line_starts().get(line).map_or(0, |start| *start as usize);
    let end = (line_start + content(&place.file, line).len()).max(start);
    start..(place.span.end as usize).clamp(start, end)
}

/// A line's bytes without its line break.
fn content(file: &SourceFile, line: usize) -> &[u8] {
    let (bytes, starts) = (file.bytes().unwrap_or_default(), file.line_starts());
    let start = starts.get(line).map_or(bytes.len(), |start| *start as usize);
    let end = starts.get(line + 1).map_or(bytes.len(), |next| *next as usize);
    let line = bytes.get(start..end).unwrap_or_default();
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// One line on its way into the text.
struct Line<'a> {
    file: &'a SourceFile,
    line: usize,
    secrets: &'a Secrets,
    width: usize,
}

impl Line<'_> {
    /// Appends the line, and turns each label's bytes of the file into bytes of `text`.
    fn copy(&self, labels: &mut [(usize, Range<usize>)], text: &mut String) {
        let content = content(self.file, self.line);
        let line_start = self.file.line_starts().get(self.line).map_or(0, |start| *start as usize);
        let focus = labels.iter().map(|(_, label)| label.start - line_start).min().unwrap_or(0).min(content.len());
        let window = boundary(content, focus.saturating_sub(CLIP_BYTES))..boundary(content, focus + CLIP_BYTES);
        let cells = self.cells(content, window.clone(), line_start);
        let shown = visible_cells(&cells, line_start + focus, self.width, window.start > 0, window.end < content.len());

        let begin = text.len();
        if shown.start > 0 || window.start > 0 {
            text.push('…');
        }
        // Text offset of each shown cell, and of the end.
        let mut offsets: Vec<(usize, usize)> = Vec::with_capacity(shown.len() + 1);
        for cell in cells.get(shown.clone()).unwrap_or_default() {
            offsets.push((cell.offset, text.len()));
            (0..cell.repeat).for_each(|_| text.push(cell.shown));
        }
        let end = (cells.get(shown.end).map_or(line_start + window.end, |cell| cell.offset), text.len());
        if shown.end < cells.len() || window.end < content.len() {
            text.push('…');
        }
        let moved = |offset: usize| {
            let at = offsets.partition_point(|(own, _)| *own < offset);
            offsets.get(at).copied().or(Some(end)).map_or(begin, |(_, moved)| moved)
        };
        for (_, label) in labels {
            let start = moved(label.start);
            *label = start..if label.start == label.end { start } else { moved(label.end).max(start) };
        }
    }

    /// What stands for each character of `window`.
    fn cells(&self, content: &[u8], window: Range<usize>, line_start: usize) -> Vec<Cell> {
        let mut cells = Vec::new();
        let mut offset = line_start + window.start;
        let mut column = 0;
        let mut indentation = true;
        let mut push = |character: char, bytes: usize| {
            indentation &= character == ' ';
            let tab = 4 - column % 4;
            let (shown, repeat) = match character {
                '\u{feff}' if offset == 0 => (' ', 0),
                '\t' => (' ', tab),
                character if self.secrets.hide(offset) && !indentation => ('*', character.width().unwrap_or(1).max(1)),
                character => (visible::stand_in(character).unwrap_or(character), 1),
            };
            let width = if repeat == 1 { shown.width().unwrap_or(0) } else { repeat };
            cells.push(Cell { offset, shown, repeat, column });
            column += width;
            offset += bytes;
        };
        for chunk in content.get(window).unwrap_or_default().utf8_chunks() {
            chunk.valid().chars().for_each(|character| push(character, character.len_utf8()));
            if !chunk.invalid().is_empty() {
                push('\u{fffd}', chunk.invalid().len());
            }
        }
        cells
    }
}

/// What stands for one character of the file.
struct Cell {
    offset: usize,
    shown: char,
    repeat: usize,
    column: usize,
}

/// The next place at or behind `at` where a character starts.
fn boundary(content: &[u8], at: usize) -> usize {
    let at = at.min(content.len());
    let rest = content.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| **byte & 0xC0 == 0x80).count()
}

/// The cells that fit into `width` columns, with `focus` among them.
fn visible_cells(cells: &[Cell], focus: usize, width: usize, cut_before: bool, cut_behind: bool) -> Range<usize> {
    let total = cells.last().map_or(0, |cell| cell.column + cell.repeat);
    if total <= width && !cut_before && !cut_behind {
        return 0..cells.len();
    }
    let focused = cells.iter().find(|cell| cell.offset >= focus).map_or(total, |cell| cell.column);
    // Two columns are for the marks of what is cut off. A third of the line goes before the label, for its context.
    let width = width.saturating_sub(2).max(1);
    let from = if focused < width * 2 / 3 && !cut_before { 0 } else { focused.saturating_sub(width / 3) };
    let start = cells.partition_point(|cell| cell.column < from);
    start..cells.partition_point(|cell| cell.column < from + width).max(start)
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        context_before: usize,
        context_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let wanted = span.offset()..span.offset() + span.len();
        let page = self.pages.iter().find(|page| page.text.contains(&wanted.start) && wanted.end <= page.text.end);
        let page = page.ok_or(MietteError::OutOfBounds)?;
        let mark = self.marks.iter().find(|mark| mark.text == wanted);
        // Without context, miette asks for the numbers in the frame's header.
        let (line, column) = match mark {
            Some(mark) if context_before == 0 && context_after == 0 => {
                (mark.position.line as usize - 1, mark.position.column as usize - 1)
            }
            _ => (page.lines.start, 0),
        };
        let data = self.text.get(page.text.clone()).unwrap_or_default().as_bytes();
        let span = SourceSpan::new(page.text.start.into(), page.text.len());
        Ok(Box::new(MietteSpanContents::new_named(page.path.clone(), data, span, line, column, page.lines.len())))
    }
}
