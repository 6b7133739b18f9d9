//! `vars`: `$(NAME)` in some fields of all objects, at the very end.

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};

use super::accumulate::{Accumulator, Engine};
use super::field_spec::visit;
use super::id::{Gvk, ResId, text_of};
use super::kustomization::Kustomization;
use super::problem::Problem;
use super::replacement::smart_parts;
use super::scalar::{Kind, kind};
use crate::source::Span;
use crate::yaml::{Action, Node, Style, Tag, Value};

/// One var.
#[derive(Clone, Debug)]
pub(super) struct Var {
    pub(super) name: String,
    pub(super) span: Span,
    path: String,
}

impl Engine<'_> {
    pub(super) fn add_vars(&mut self, kustomization: &Kustomization, gathered: &mut Accumulator) {
        for node in kustomization.list("vars") {
            let name = text_of(node.get("name")).to_owned();
            let object = |field: &str| text_of(node.at(&["objref", field]));
            let (group, version) = match object("apiVersion").split_once('/') {
                Some((group, version)) => (group, version),
                None if object("apiVersion").is_empty() => (object("group"), object("version")),
                None => ("", object("apiVersion")),
            };
            let wanted = ResId {
                gvk: Gvk::new(group, version, object("kind")),
                name: object("name").into(),
                namespace: object("namespace").into(),
            };
            let strict = !wanted.namespace.is_empty() || wanted.gvk.is_cluster_scoped();
            let fits =
                |id: ResId| id.name == wanted.name && id.gvk == wanted.gvk && (!strict || id.key() == wanted.key());
            let mut matched: Vec<_> =
                gathered.resources.list_mut().iter_mut().filter(|resource| resource.ids().any(fits)).collect();
            if matched.len() > 1 {
                let words = format!("found {} resId matches for var {name} (unable to disambiguate)", matched.len());
                self.report(Problem::fails(node.span, words));
                continue;
            }
            if let Some(resource) = matched.first_mut() {
                resource.vars.push(name.clone());
            }
            if gathered.vars.iter().any(|var| var.name == name) {
                self.report(Problem::fails(node.span, format!("var '{name}' already encountered")));
                continue;
            }
            let path = match text_of(node.at(&["fieldref", "fieldpath"])) {
                "" => "metadata.name",
                path => path,
            };
            gathered.vars.push(Var { name, span: node.span, path: path.to_owned() });
        }
    }

    pub(super) fn resolve_vars(&mut self, gathered: &mut Accumulator) {
        if gathered.vars.is_empty() {
            return;
        }
        let mut values: HashMap<&str, Node> = HashMap::new();
        let mut failures = Vec::new();
        for var in &gathered.vars {
            let owner = gathered.resources.list().iter().find(|resource| resource.vars.contains(&var.name));
            match owner.map(|owner| at_path(&owner.root, &var.path)) {
                Some(Some(value)) => {
                    values.insert(&var.name, value.clone());
                }
                Some(None) => {
                    let words = format!("field specified in var '{}' not found in corresponding resource", var.name);
                    failures.push(Problem::fails(var.span, words));
                }
                None if gathered.incomplete => {}
                None => {
                    let words = format!("var '{}' cannot be mapped to a field in the set of known resources", var.name);
                    failures.push(Problem::fails(var.span, words));
                }
            }
        }
        let fields = Arc::clone(&gathered.fields);
        for resource in gathered.resources.all_mut() {
            let gvk = resource.gvk();
            for spec in fields.var_reference.iter().filter(|spec| gvk.is_selected_by(&spec.gvk)) {
                let span = resource.span();
                let written = visit(&mut resource.root, spec, None, span, &mut |node| substitute(node, &values));
                if let Err(words) = written {
                    failures.push(Problem::fails(span, words));
                }
            }
            resource.spread_labels();
        }
        failures.into_iter().for_each(|failure| self.report(failure));
    }
}

/// The node at `spec.ports[0].name`.
fn at_path<'a>(root: &'a Node, path: &str) -> Option<&'a Node> {
    smart_parts(path).iter().try_fold(root, |node, part| {
        let (name, indexes) = part.split_once('[').unwrap_or((part, ""));
        let node = match name.parse::<usize>() {
            Ok(index) if node.as_sequence().is_some() => node.items().get(index)?,
            _ if name.is_empty() => node,
            _ => node.get(name)?,
        };
        indexes.split(['[', ']']).filter(|index| !index.is_empty()).try_fold(node, |node, index| {
            match index.parse::<usize>() {
                Ok(index) => node.items().get(index),
                Err(_) => node.get(index),
            }
        })
    })
}

fn substitute(node: &mut Node, values: &HashMap<&str, Node>) -> Result<(), String> {
    match &node.value {
        Value::Scalar(_) => {
            if kind(node) == Some(Kind::String) {
                substitute_text(node, values);
            }
        }
        Value::Mapping(mapping) => {
            if mapping.iter().any(|entry| entry.value.value_text().is_some_and(|text| text.contains('$')))
                && let Some(mapping) = node.as_mapping_mut()
            {
                for value in mapping.values_mut().filter(|value| kind(value) == Some(Kind::String)) {
                    substitute_text(value, values);
                }
            }
        }
        Value::Sequence(items) => {
            if items.iter().any(|item| kind(item) != Some(Kind::String)) {
                return Err("invalid value type expect a string".to_owned());
            }
            if items.iter().any(|item| item.value_text().is_some_and(|text| text.contains('$'))) {
                node.as_sequence_mut().into_iter().flatten().for_each(|item| substitute_text(item, values));
            }
        }
    }
    Ok(())
}

fn substitute_text(node: &mut Node, values: &HashMap<&str, Node>) {
    let Some(text) = node.value_text().filter(|text| text.contains('$')) else { return };
    let whole = text.strip_prefix("$(").and_then(|rest| rest.strip_suffix(')'));
    let usable = |name: &str| values.get(name).filter(|value| value.value_text().is_some());
    if let Some(value) = whole.filter(|name| !name.contains(')')).and_then(usable) {
        let before = node.clone();
        let by = value.span;
        let style = if kind(value) == Some(Kind::String) { Style::DoubleQuoted } else { value.style };
        *node = Node {
            value: value.value.clone(),
            tag: value.tag,
            style,
            history: before.history.clone(),
            span: before.span,
        };
        node.changed(Action::Substituted, by, Some(before));
        return;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut by = None;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(next) = after.strip_prefix('$') {
            out.push('$');
            rest = next;
        } else if let Some((name, next)) = after.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            match usable(name) {
                Some(value) => {
                    out.push_str(value.value_text().unwrap_or_default());
                    by = Some(value.span);
                }
                None => {
                    out.push_str("$(");
                    out.push_str(name);
                    out.push(')');
                }
            }
            rest = next;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    if out != text {
        let before = node.clone();
        node.value = Value::Scalar(out.into());
        node.tag = Tag::None;
        node.style = Style::DoubleQuoted;
        if let Some(by) = by {
            node.changed(Action::Substituted, by, Some(before));
        }
    }
}
