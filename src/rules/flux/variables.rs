//! The variables that `spec.postBuild` defines, and the places that use one.

use std::collections::BTreeMap;

use super::world::{Member, World, may_be};
use crate::repository::Repository;
use crate::source::Span;
use crate::yaml::{Action, Node, Value};

/// What a Kustomization defines.
#[derive(Default)]
pub(super) struct Defined<'a> {
    /// Names, and where they are defined.
    pub(super) names: BTreeMap<&'a str, Span>,
    /// Whether there may be others: from a Secret or ConfigMap that is not in Git.
    pub(super) open: bool,
}

impl<'a> Defined<'a> {
    pub(super) fn by(member: Member<'a>, world: &World<'a>) -> Self {
        let mut defined = Self::default();
        let Some(block) = member.object.root.at(&["spec", "postBuild"]) else { return defined };
        defined.add(block.get("substitute"));
        for source in block.get("substituteFrom").map(Node::items).unwrap_or_default() {
            let kind = source.str_at(&["kind"]).unwrap_or_default();
            let name = source.get("name").and_then(Node::as_text).unwrap_or_default();
            let mut found = false;
            for (object, namespace) in world.settings(kind, name) {
                if may_be(namespace, member.namespace) {
                    found = true;
                    defined.add(object.root.get("data"));
                    defined.add(object.root.get("stringData"));
                }
            }
            defined.open |= !found;
        }
        defined
    }

    fn add(&mut self, map: Option<&'a Node>) {
        self.open |= map.is_some_and(Node::is_unknown);
        for entry in map.map(Node::entries).unwrap_or_default() {
            self.names.entry(entry.key.text.as_str()).or_insert(entry.key.span);
        }
    }
}

/// A `${NAME}` without a default.
pub(super) struct Use<'a> {
    /// The variable.
    pub(super) name: &'a str,
    /// The scalar that holds it, as it is written.
    pub(super) node: &'a Node,
    /// Where in the scalar's content.
    pub(super) range: std::ops::Range<usize>,
}

/// The variables in a built object, as they stood there before Flux replaced them.
pub(super) fn uses(node: &Node) -> Vec<Use<'_>> {
    let mut all = Vec::new();
    collect(node, &mut all);
    all
}

fn collect<'a>(node: &'a Node, all: &mut Vec<Use<'a>>) {
    match &node.value {
        Value::Scalar(_) => {
            let is_variable = |node: &&Node| node.value_text().is_some_and(|text| text.contains("${"));
            let changes = node.history.changes().iter().rev();
            let mut replaced = changes.filter(|change| change.action == Action::Substituted);
            let before = replaced.find_map(|change| change.before.as_ref().filter(is_variable));
            if let Some(written) = before.or(Some(node)).filter(is_variable) {
                in_text(written, all);
            }
        }
        Value::Sequence(items) => items.iter().for_each(|item| collect(item, all)),
        Value::Mapping(mapping) => mapping.iter().for_each(|entry| collect(&entry.value, all)),
    }
}

fn in_text<'a>(node: &'a Node, all: &mut Vec<Use<'a>>) {
    let text = node.value_text().unwrap_or_default();
    for (at, _) in text.match_indices("${") {
        let is_escaped = text.get(..at).is_some_and(|before| before.ends_with('$'));
        let name = text.get(at + 2..).and_then(|rest| rest.split_once('}')).map(|(name, _)| name);
        let Some(name) = name.filter(|name| !is_escaped && is_name(name)) else { continue };
        all.push(Use { name, node, range: at..at + name.len() + 3 });
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl Use<'_> {
    /// Where the variable is written.
    pub(super) fn span(&self, repository: &Repository) -> Span {
        let file = repository.files.sources.file(self.node.span.file);
        let is_whole_file = file.text().is_some_and(|text| Some(text) == self.node.value_text());
        if is_whole_file {
            return Span::new(self.node.span.file, self.range.start, self.range.end);
        }
        repository.files.part(self.node, self.range.clone()).unwrap_or(self.node.span)
    }
}

/// Whether an object asks Flux to leave its text alone.
pub(super) fn opts_out(root: &Node) -> bool {
    ["labels", "annotations"]
        .iter()
        .any(|field| root.str_at(&["metadata", field, "kustomize.toolkit.fluxcd.io/substitute"]) == Some("disabled"))
}

/// Whether a name is written as people write settings of a cluster.
pub(super) fn is_setting(name: &str) -> bool {
    name.len() > 3 && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Whether the text is a value, not a program or a file.
pub(super) fn is_short(used: &Use<'_>) -> bool {
    used.node.value_text().is_some_and(|text| !text.contains('\n'))
}
