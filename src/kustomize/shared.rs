//! Labels and annotations that kustomize keeps in one place though they stand in several.
//!
//! Where a label transformer creates a label in several maps of an object (its labels, its selector, its template), upstream
//! puts the very same node into all of them (`api/filters/filtersutil`, `SetEntry`). Whatever writes to one of them later
//! writes to all: an overlay's `labels` without `includeSelectors` changes the selector that the base's `commonLabels`
//! made. A JSON patch of the object ends that, because it reads the object anew.

use compact_str::CompactString;

use super::resource::Resource;
use crate::source::Span;
use crate::yaml::{Action, Node, Value};

/// One such label: what created it and its text.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) by: Span,
    pub(super) text: CompactString,
}

/// Whether the transformer at `by` created this node.
fn is_created_by(node: &Node, by: Span) -> bool {
    node.history
        .changes()
        .first()
        .is_some_and(|first| first.action == Action::Labelled && first.before.is_none() && first.by == by)
}

/// Whether a label transformer created this node.
pub(super) fn is_created(node: &Node) -> bool {
    node.history.changes().first().is_some_and(|first| first.action == Action::Labelled && first.before.is_none())
}

impl Resource {
    /// Brings what was written to one place of a shared label to all of them.
    pub(super) fn spread_labels(&mut self) {
        for shared in &mut self.shared {
            let Some(written) = last_other(&self.root, shared) else { continue };
            shared.text = written.value_text().unwrap_or_default().into();
            spread(&mut self.root, shared.by, &written);
        }
    }
}

/// The last of the label's places that has another text by now.
fn last_other(node: &Node, shared: &Shared) -> Option<Node> {
    match &node.value {
        Value::Scalar(text) => (is_created_by(node, shared.by) && *text != shared.text).then(|| node.clone()),
        Value::Sequence(items) => items.iter().rev().find_map(|item| last_other(item, shared)),
        Value::Mapping(mapping) => mapping.iter().rev().find_map(|entry| last_other(&entry.value, shared)),
    }
}

/// Parts of the tree without the label stay shared with the parsed file.
fn spread(node: &mut Node, by: Span, written: &Node) {
    fn is_older(node: &Node, by: Span, written: &Node) -> bool {
        match &node.value {
            Value::Scalar(_) => is_created_by(node, by) && node.value_text() != written.value_text(),
            Value::Sequence(items) => items.iter().any(|item| is_older(item, by, written)),
            Value::Mapping(mapping) => mapping.iter().any(|entry| is_older(&entry.value, by, written)),
        }
    }
    if !is_older(node, by, written) {
        return;
    }
    match &node.value {
        Value::Scalar(_) => {
            let mut new = Node { history: node.history.clone(), ..written.clone() };
            if let Some(last) = written.history.changes().last() {
                new.changed(last.action, last.by, Some(node.clone()));
            }
            *node = new;
        }
        Value::Sequence(_) => {
            node.as_sequence_mut().into_iter().flatten().for_each(|item| spread(item, by, written));
        }
        Value::Mapping(_) => {
            let values = node.as_mapping_mut().into_iter().flat_map(|mapping| mapping.values_mut());
            values.for_each(|value| spread(value, by, written));
        }
    }
}
