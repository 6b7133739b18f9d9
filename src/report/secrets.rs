//! Where secret values are written, so that no report repeats them.
//!
//! Values of Secrets and literals of kustomize's `secretGenerator` count. What other kinds hold is not known to be
//! secret and is shown.

use crate::source::{SourceFile, Span};
use crate::yaml::{Node, ProblemKind, Stream, Value};

/// Byte ranges of a file that are not to be shown, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Secrets(Vec<(u32, u32)>);

impl Secrets {
    /// Finds the secret values of a file.
    pub(super) fn of(file: &SourceFile, stream: &Stream) -> Self {
        let mut spans = Vec::new();
        for root in stream.documents.iter().filter_map(|document| document.root.as_ref()) {
            of_object(root, &mut spans);
            root.get("items").map(Node::items).unwrap_or_default().iter().for_each(|item| of_object(item, &mut spans));
        }
        let mut ranges: Vec<_> =
            spans.iter().filter(|span| span.file == file.id).map(|span| (span.start, span.end)).collect();
        if stream.problems.iter().any(|problem| matches!(problem.kind, ProblemKind::Syntax(_))) {
            of_broken(file, &mut ranges);
        }
        ranges.sort_unstable();
        Self(ranges)
    }

    /// Whether the byte belongs to a secret value.
    pub(super) fn hide(&self, offset: usize) -> bool {
        self.between(offset, offset + 1)
    }

    /// Whether a span touches a secret value.
    pub(super) fn touch(&self, span: Span) -> bool {
        self.between(span.start as usize, (span.end as usize).max(span.start as usize + 1))
    }

    fn between(&self, start: usize, end: usize) -> bool {
        // Ranges overlap only where a file is broken and both ways of finding secrets were taken; then two at a place.
        let before = self.0.partition_point(|(own, _)| (*own as usize) < end);
        self.0.iter().take(before).rev().take(2).any(|(_, own)| start < *own as usize)
    }
}

fn of_object(root: &Node, spans: &mut Vec<Span>) {
    let kind = root.get("kind").and_then(Node::as_text);
    if kind == Some("Secret") {
        for field in ["data", "stringData"] {
            if let Some(values) = root.get(field) {
                scalars(values, spans);
            }
        }
    }
    for generator in root.get("secretGenerator").map(Node::items).unwrap_or_default() {
        if let Some(literals) = generator.get("literals") {
            scalars(literals, spans);
        }
    }
}

/// The parser bounds depth, so recursion is bounded too.
fn scalars(node: &Node, spans: &mut Vec<Span>) {
    match &node.value {
        Value::Scalar(_) => spans.push(node.span),
        Value::Sequence(items) => items.iter().for_each(|item| scalars(item, spans)),
        Value::Mapping(mapping) => {
            let hidden = mapping.shadowed().iter();
            mapping.iter().chain(hidden).for_each(|entry| scalars(&entry.value, spans));
        }
    }
}

/// A file that can't be parsed has no tree to ask. If a line of it says that it is a Secret, everything behind a colon
/// is hidden, and every line without one.
fn of_broken(file: &SourceFile, ranges: &mut Vec<(u32, u32)>) {
    let lines = 0..file.line_starts().len();
    if !lines.clone().any(|line| file.line(line).trim_end() == "kind: Secret") {
        return;
    }
    for (line, start) in lines.zip(file.line_starts()) {
        let text = file.line(line);
        if ["kind:", "apiVersion:", "metadata:", "  name:", "  namespace:", "---"]
            .iter()
            .any(|plain| text.starts_with(plain))
        {
            continue;
        }
        let from = text.find(':').map_or(text.len() - text.trim_start().len(), |colon| colon + 1);
        ranges.push((start + u32::try_from(from).unwrap_or(0), start + u32::try_from(text.len()).unwrap_or(0)));
    }
}
