//! `spec.postBuild`: variables that Flux puts into the objects after the build.
//!
//! Flux prints the objects, substitutes in the text, and parses it again, so a value that was quoted in Git may come out
//! as a number. Forms: `${V}`, `${V:=default}`, `${V:-default}`, `$${V}` for the text itself; an undefined variable
//! becomes nothing. Left out: the string operations of bash (`${V/a/b}`, `${V:1}`), whose result is unknown here.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::kubernetes::Object;
use crate::source::Span;
use crate::unresolved::{Cause, Unresolved};
use crate::yaml::{Action, Entry, Mapping, Node, Style, Tag, Value};

/// What a Kustomization substitutes.
#[derive(Clone, Debug, Default)]
pub struct Substitution {
    /// Value and the place where it is written, by name.
    variables: BTreeMap<String, (String, Span)>,
    /// Whether every variable is known: none comes from a Secret or from outside Git.
    complete: bool,
    /// Where the others come from.
    unresolved: Vec<Unresolved>,
}

impl Substitution {
    /// Reads `spec.postBuild`; `None` if nothing is substituted. `config_maps` are the ConfigMaps that may be meant.
    pub(super) fn read<'a>(spec: Option<&Node>, find_config_map: &dyn Fn(&str) -> Option<&'a Object>) -> Option<Self> {
        let block = spec?.get("postBuild").filter(|block| !block.is_null())?;
        let mut substitution = Self { complete: true, ..Self::default() };
        for source in block.get("substituteFrom").map(Node::items).unwrap_or_default() {
            let Some(name) = source.get("name") else { continue };
            let text = name.as_text().unwrap_or_default();
            let optional = source.get("optional").and_then(Node::as_bool).unwrap_or(false);
            let is_secret = source.str_at(&["kind"]) == Some("Secret");
            match find_config_map(text).filter(|_| !is_secret) {
                Some(object) => substitution.add(object.root.get("data")),
                None => {
                    substitution.complete = false;
                    let (cause, what) =
                        if is_secret { (Cause::Secret, "Secret") } else { (Cause::Elsewhere, "ConfigMap") };
                    if !optional {
                        let reason = format!("the variables of the {what} {text} are not known");
                        substitution.unresolved.push(Unresolved::at(name.span, cause, reason));
                    }
                }
            }
        }
        substitution.add(block.get("substitute"));
        (!substitution.complete || !substitution.variables.is_empty()).then_some(substitution)
    }

    /// What is known of the variables in an object that no build holds: nothing.
    pub fn unknown() -> Self {
        Self::default()
    }

    /// Where variables come from that are not known, if any of the objects has one.
    pub fn unresolved(&self, objects: &[Object]) -> &[Unresolved] {
        let has_unknown = objects.iter().any(|object| has_unknown(&object.root));
        if has_unknown { &self.unresolved } else { &[] }
    }

    fn add(&mut self, map: Option<&Node>) {
        for entry in map.map(Node::entries).unwrap_or_default() {
            let Some(text) = entry.value.as_text() else {
                self.complete &= entry.value.is_null();
                continue;
            };
            // A value may hold variables of a parent that is not known; then it is unknown too.
            if text.contains("${") {
                self.complete = false;
                continue;
            }
            self.variables.insert(entry.key.text.to_string(), (text.to_owned(), entry.value.span));
        }
    }

    /// The object with its variables replaced; an object may opt out by label or annotation.
    pub fn apply(&self, object: &Object) -> Object {
        let opts_out = ["labels", "annotations"].iter().any(|field| {
            object.root.str_at(&["metadata", field, "kustomize.toolkit.fluxcd.io/substitute"]) == Some("disabled")
        });
        if opts_out || !mentions(&object.root) {
            return object.clone();
        }
        Object::new(self.node(&object.root)).unwrap_or_else(|| object.clone())
    }

    fn node(&self, node: &Node) -> Node {
        if !mentions(node) {
            return node.clone();
        }
        let mut changed = node.clone();
        match &node.value {
            Value::Scalar(text) => match self.text(text) {
                // A text of several lines may be a file of its own; only the variable is unknown in it, not the rest.
                None if text.contains('\n') => {
                    let old = std::mem::replace(&mut changed.value, Value::Scalar(self.known_part(text).into()));
                    changed.tag = Tag::Unknown;
                    let by = self.place_of_first(text).unwrap_or(node.span);
                    changed.changed(Action::Substituted, by, Some(Node { value: old, ..node.clone() }));
                }
                Some(new) => {
                    // Printed without quotes where the old text needed none, so its type is decided anew.
                    let is_plain = !new.contains(['\n', ':', '#'])
                        && matches!(node.style, Style::Plain | Style::DoubleQuoted | Style::SingleQuoted);
                    let old = std::mem::replace(&mut changed.value, Value::Scalar(new.into()));
                    changed.style = if is_plain { Style::Plain } else { node.style };
                    let before = Node { value: old, ..node.clone() };
                    changed.changed(Action::Substituted, self.place_of_first(text).unwrap_or(node.span), Some(before));
                }
                None => changed = Node::unknown(text.clone(), node.span),
            },
            Value::Sequence(items) => {
                changed.value = Value::Sequence(Arc::new(items.iter().map(|item| self.node(item)).collect()));
            }
            Value::Mapping(mapping) => {
                let entries = mapping.iter().map(|entry| {
                    let mut key = entry.key.clone();
                    if let Some(text) = key.text.contains("${").then(|| self.text(&key.text)).flatten() {
                        key.text = text.into();
                    }
                    Entry { key, value: self.node(&entry.value) }
                });
                changed.value = Value::Mapping(Arc::new(Mapping::from_iter(entries)));
            }
        }
        changed
    }

    /// A text with its variables replaced; `None` if one of them can't be known.
    pub(super) fn text(&self, text: &str) -> Option<String> {
        self.replaced(text, &|_| None)
    }

    /// A text with those variables replaced that are known.
    fn known_part(&self, text: &str) -> String {
        let kept = |expression: &str| Some(format!("${{{expression}}}"));
        self.replaced(text, &kept).unwrap_or_else(|| text.to_owned())
    }

    /// `unknown` says what stands for a variable that can't be known.
    fn replaced(&self, text: &str, unknown: &dyn Fn(&str) -> Option<String>) -> Option<String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let (before, after) = (rest.get(..at)?, rest.get(at + 2..)?);
            let end = closing(after);
            if let Some(escaped) = before.strip_suffix('$') {
                out.push_str(escaped);
                out.push_str("${");
                rest = after;
                continue;
            }
            out.push_str(before);
            let end = end?;
            let expression = after.get(..end)?;
            out.push_str(&self.variable(expression).or_else(|| unknown(expression))?);
            rest = after.get(end + 1..)?;
        }
        out.push_str(rest);
        Some(out)
    }

    /// Where the first variable of a text that is set gets its value.
    fn place_of_first(&self, text: &str) -> Option<Span> {
        let mut expressions = text.match_indices("${").filter_map(|(at, sign)| text.get(at + sign.len()..));
        expressions.find_map(|expression| self.variables.get(split_name(expression).0)).map(|(_, place)| *place)
    }

    fn variable(&self, expression: &str) -> Option<String> {
        let (name, operation) = split_name(expression);
        let set = self.variables.get(name).map(|(value, _)| value);
        let default = match operation {
            "" => None,
            _ => Some(["=", ":=", "-", ":-"].iter().find_map(|sign| operation.strip_prefix(sign))?),
        };
        match (set, default) {
            (Some(value), Some(default)) if value.is_empty() && operation.starts_with(':') => self.text(default),
            (Some(value), _) => Some(value.clone()),
            // A variable from a Secret may hide behind any name.
            (None, _) if !self.complete => None,
            // A default may hold variables itself.
            (None, default) => self.text(default.unwrap_or_default()),
        }
    }
}

/// The name that an expression begins with, and what follows it.
fn split_name(expression: &str) -> (&str, &str) {
    let end = expression.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(expression.len());
    expression.split_at(end)
}

/// How deep variables may stand in the defaults of others.
const MAX_DEPTH: usize = 20;

/// Where the brace closes that stands before the text.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1;
    for (at, character) in text.char_indices() {
        match character {
            '{' if text.get(..at).is_some_and(|before| before.ends_with('$')) => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
        if open > MAX_DEPTH {
            return None;
        }
    }
    None
}

fn has_unknown(node: &Node) -> bool {
    match &node.value {
        Value::Scalar(text) => node.is_unknown() && text.contains("${"),
        Value::Sequence(items) => items.iter().any(has_unknown),
        Value::Mapping(mapping) => mapping.iter().any(|entry| has_unknown(&entry.value)),
    }
}

fn mentions(node: &Node) -> bool {
    match &node.value {
        Value::Scalar(text) => text.contains("${"),
        Value::Sequence(items) => items.iter().any(mentions),
        Value::Mapping(mapping) => mapping.iter().any(|entry| entry.key.text.contains("${") || mentions(&entry.value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use crate::yaml::parse;

    fn substitution(text: &str) -> Substitution {
        let root = parse(FileId(0), text.as_bytes()).documents.remove(0).root.expect("content");
        Substitution::read(Some(&root), &|_| None).expect("a substitution")
    }

    #[test]
    fn variables_are_replaced_as_flux_replaces_them() {
        let known = substitution("postBuild: {substitute: {A: x, N: '3', E: ''}}");
        let cases = [
            ("a-${A}-${N}", Some("a-x-3")),
            ("${B}", Some("")),
            ("${B:=d}${B:-e}", Some("de")),
            ("${E:=d}${E-d}", Some("d")),
            ("$${A} $A", Some("${A} $A")),
            ("${B:=${A}-${C:-z}}!", Some("x-z!")),
            ("${A/x/y}", None),
            ("${A", None),
        ];
        for (text, expected) in cases {
            assert_eq!(known.text(text).as_deref(), expected, "{text}");
        }
        let unknown = substitution("postBuild: {substitute: {A: x}, substituteFrom: [{kind: Secret, name: s}]}");
        assert_eq!(unknown.text("${A}").as_deref(), Some("x"));
        assert_eq!(unknown.text("${B:=d}"), None);
    }

    #[test]
    fn a_substituted_text_gets_its_type_anew() {
        let text = "apiVersion: v1\nkind: X\nspec: {n: \"${N}\", s: '${S}'}\n";
        let root = parse(FileId(0), text.as_bytes()).documents.remove(0).root.expect("content");
        let object = Object::new(root).expect("an object");
        let built =
            substitution("postBuild: {substitute: {N: '3'}, substituteFrom: [{kind: Secret, name: s}]}").apply(&object);
        assert_eq!(built.root.at(&["spec", "n"]).and_then(Node::as_i64), Some(3));
        assert!(built.root.at(&["spec", "s"]).is_some_and(Node::is_unknown));
    }
}
