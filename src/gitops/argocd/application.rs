//! An Application as Argo CD sees it: for rules about what it says itself.

use crate::files::Files;
use crate::kubernetes::Object;
use crate::source::Span;
use crate::yaml::{Node, Value};

/// An Application that is written, or that an ApplicationSet makes.
#[derive(Clone, Debug)]
pub struct Application {
    /// The object. What only Argo CD knows of a template is unknown here too.
    pub object: Object,
    /// What the generators of the set gave for it.
    parameters: Option<Node>,
}

impl Application {
    pub(super) fn new(object: &Object) -> Self {
        Self { object: object.clone(), parameters: None }
    }

    /// The same, made by a set with these parameters.
    pub(super) fn made_with(self, parameters: &Node) -> Self {
        Self { parameters: Some(parameters.clone()), ..self }
    }

    /// A part of the `spec`.
    pub fn spec(&self, path: &[&str]) -> Option<&Node> {
        self.object.root.get("spec")?.at(path)
    }

    /// Where a key of the `spec` is written.
    pub fn key_span(&self, key: &str) -> Option<Span> {
        self.object.root.get("spec")?.entries().iter().find(|entry| entry.key.text == key).map(|entry| entry.key.span)
    }

    /// The sources in force: `sources` overrides `source`.
    pub fn sources(&self) -> Vec<&Node> {
        self.object.root.get("spec").map(super::sources).unwrap_or_default()
    }

    /// Whether a sync option is set, such as `CreateNamespace=true`.
    pub fn has_sync_option(&self, option: &str) -> bool {
        let options = self.spec(&["syncPolicy", "syncOptions"]).map(Node::items).unwrap_or_default();
        options.iter().any(|written| written.as_str() == Some(option))
    }

    /// Where a value is written: in the template, or, if that has a placeholder, where the value itself is given.
    pub fn written_at(&self, value: &Node, files: &Files) -> Span {
        let text_at = |span: Span| files.sources.file(span.file).slice(span).to_owned();
        let (Some(parameters), Some(text)) = (&self.parameters, value.as_text()) else { return value.span };
        if !text_at(value.span).contains("{{") {
            return value.span;
        }
        let mut waiting = vec![parameters];
        while let Some(node) = waiting.pop() {
            match &node.value {
                Value::Scalar(given) if given == text && text_at(node.span).contains(text) => return node.span,
                Value::Scalar(_) => {}
                Value::Sequence(items) => waiting.extend(items.iter()),
                Value::Mapping(mapping) => waiting.extend(mapping.iter().map(|entry| &entry.value)),
            }
        }
        value.span
    }
}
