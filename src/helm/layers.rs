//! The values a user gives to one release, laid one over the other in order.

use super::set::{parameter_value, set_parameter};
use super::values::{empty_values, merge_values};
use crate::files::Files;
use crate::sops;
use crate::source::{FileId, Span};
use crate::unresolved::{Cause, Unresolved};
use crate::yaml::{Action, Node, Stream};

/// Values under construction.
#[derive(Clone, Debug)]
pub struct Layers {
    /// What has been laid down so far.
    pub values: Node,
    /// The values files that took part, in order.
    pub files: Vec<FileId>,
    /// Whether a layer is missing or not known whole.
    pub incomplete: bool,
    /// What is missing, and why.
    pub unresolved: Vec<Unresolved>,
}

impl Layers {
    /// No values yet. `span` is the place that stands for the empty map: usually where the chart is named.
    pub fn new(span: Span) -> Self {
        Self { values: empty_values(span), files: Vec::new(), incomplete: false, unresolved: Vec::new() }
    }

    /// Lays a values file down; `span` is the text that names it.
    pub fn file(&mut self, files: &Files, id: FileId, span: Span) {
        self.files.push(id);
        let source = files.sources.file(id);
        if let Err(why) = source.bytes() {
            self.missing(span, Cause::Invalid, format!("{} can't be read: {why:?}", source.path));
            return;
        }
        let stream = files.stream(id);
        let name = source.path.as_str();
        self.stream(&stream, name, span);
    }

    /// Lays YAML text down that stands in a scalar, as `values: |` does.
    pub fn text(&mut self, files: &Files, node: &Node) {
        if node.is_null() {
            return;
        }
        // A text whose variables were replaced is unknown as a whole, but not in all its parts.
        let was_written = node.history.changes().iter().any(|change| change.action == Action::Substituted);
        if node.is_unknown() && !was_written {
            self.missing(node.span, Cause::Template, "the values can't be known offline");
            return;
        }
        let source = files.sources.file(node.span.file);
        // A generator's data covers the whole file it was read from.
        let whole = source.bytes().is_ok_and(|bytes| node.span.range() == (0..bytes.len()));
        if whole {
            self.files.push(node.span.file);
        }
        let name = if whole { source.path.as_str() } else { "the inline values" };
        self.stream(&files.embedded(node), name, node.span);
    }

    /// Lays a map down as it is.
    pub fn map(&mut self, node: &Node) {
        if node.is_null() {
            return;
        }
        if node.as_mapping().is_none() {
            self.missing(node.span, Cause::Invalid, "the values are no map");
            return;
        }
        self.values = merge_values(&self.values, node);
    }

    /// Writes one parameter, as `--set` and `--set-string` do.
    pub fn parameter(&mut self, path: &str, value: &Node, as_string: bool) {
        let by = value.span;
        let node = match value.as_text() {
            Some(text) => parameter_value(text, as_string, by),
            None if value.is_null() => parameter_value("", as_string, by),
            None => Node::unknown("", by),
        };
        if let Err(why) = set_parameter(&mut self.values, path, node, by) {
            self.missing(by, Cause::Invalid, format!("the parameter `{path}` can't be read: {why}"));
        }
    }

    /// Remembers that a layer is missing.
    pub fn missing(&mut self, span: Span, cause: Cause, reason: impl Into<String>) {
        self.incomplete = true;
        self.unresolved.push(Unresolved::at(span, cause, reason));
    }

    fn stream(&mut self, stream: &Stream, name: &str, span: Span) {
        if stream.problems.iter().any(|problem| problem.kind.loses_content()) {
            self.missing(span, Cause::Invalid, format!("{name} can't be read whole as YAML"));
        }
        // Helm 3 reads the first document of a values file only.
        let Some(root) = stream.documents.iter().find_map(|document| document.root.as_ref()) else { return };
        if sops::is_encrypted(root) {
            self.missing(span, Cause::Secret, format!("{name} is encrypted"));
            self.map(&sops::decrypted(root));
        } else {
            self.map(root);
        }
    }
}
