//! An Application as Argo CD sees it: for rules about what it says itself.

use crate::kubernetes::Object;
use crate::source::Span;
use crate::unresolved::Unresolved;
use crate::yaml::{Action, Node};

/// An Application that is written, or that an ApplicationSet makes.
#[derive(Clone, Debug)]
pub struct Application {
    /// The object. What only Argo CD knows of a template is unknown here too.
    pub object: Object,
    /// What is wrong with the templates of the set that makes it.
    pub problems: Vec<Unresolved>,
    /// Whether an ApplicationSet makes it.
    pub is_generated: bool,
}

impl Application {
    pub(super) fn new(object: &Object) -> Self {
        Self { object: object.clone(), problems: Vec::new(), is_generated: false }
    }

    /// The same, made by a set whose templates have these problems.
    pub(super) fn made_with(self, problems: Vec<Unresolved>) -> Self {
        Self { problems, is_generated: true, ..self }
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

    /// Where a value is written: in the template, or, if that is a placeholder, where the value itself is given.
    pub fn written_at(&self, value: &Node) -> Span {
        let changes = value.history.changes().iter().rev();
        let mut given = changes.filter(|change| change.action == Action::Substituted);
        given.next().map_or(value.span, |change| change.by)
    }
}
