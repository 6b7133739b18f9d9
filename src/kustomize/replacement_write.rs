//! Writing a replacement's value to the fields that its paths name.

use regex::Regex;

use super::id::text_of;
use super::inner_text::{self, Write};
use super::patch::describe;
use super::problem::Problem;
use super::replacement::{fails, list_match, no_match, smart_parts};
use super::resource::Resource;
use super::scalar::set_text;
use crate::config::KustomizeRelease;
use crate::source::Span;
use crate::yaml::{Action, Entry, Key, Mapping, Node, Style, Value};

/// Copies a value to one path of a resource.
pub(super) fn copy(
    resource: &mut Resource,
    value: &Node,
    path: &Node,
    options: Option<&Node>,
    release: KustomizeRelease,
) -> Result<(), Box<Problem>> {
    let text = text_of(Some(path));
    let parts = smart_parts(text);
    let option = |name: &str| options.and_then(|options| options.get(name));
    let create = option("create").and_then(Node::as_bool).unwrap_or(false);
    let delimiter = text_of(option("delimiter")).to_owned();
    let index = option("index").and_then(Node::as_i64).unwrap_or(0);
    let mut count = 0usize;
    let by = path.span;
    let walk = Walk { create: create.then_some(value), into_texts: release.looks_into_texts(), by };
    let mut write = |node: &mut Node| {
        count += 1;
        write_value(node, value, &delimiter, index, by)
    };
    let walked = walk.go(&mut resource.root, &parts, &mut write);
    let what = if create { "find or create" } else { "find" };
    let words = format!("unable to {what} field {text:?} in replacement target");
    let object = describe(resource);
    match walked {
        Ok(()) if count > 0 => Ok(()),
        Ok(()) => {
            let message =
                format!("{object} has no `{text}` for the replacement, so the whole kustomization fails to build");
            let problem = no_match(by, words, message).related(resource.span(), "the target");
            Err(Box::new(problem.help("add `options: {create: true}` to the target if the field is to be made")))
        }
        Err(why) => {
            let message = format!("the replacement can't write to `{text}` of {object}: {why}");
            Err(Box::new(fails(by, format!("{words}: {why}"), message).related(resource.span(), "the target")))
        }
    }
}

fn write_value(node: &mut Node, value: &Node, delimiter: &str, index: i64, by: Span) -> Result<(), String> {
    let before = node.clone();
    let mut new = value.clone();
    if !delimiter.is_empty() {
        let Some(old) = node.value_text() else {
            return Err("delimiter option can only be used with scalar nodes".to_owned());
        };
        let own = value.value_text().unwrap_or_default();
        let mut parts: Vec<&str> = old.split(delimiter).collect();
        match usize::try_from(index) {
            Err(_) => parts.insert(0, own),
            Ok(index) if index >= parts.len() => parts.push(own),
            Ok(index) => {
                if let Some(part) = parts.get_mut(index) {
                    *part = own;
                }
            }
        }
        new.value = Value::Scalar(parts.join(delimiter).into());
    }
    if node.value_text().is_some() {
        // A node that was just made has no type of its own yet.
        let made = node.span == by && node.value_text() == Some("");
        // Neither has one that a transformer wrote without saying which.
        let last = node.history.changes().last().map(|change| change.action);
        let untyped =
            matches!(last, Some(Action::Prefixed | Action::Suffixed | Action::ImageSet | Action::ReferenceUpdated));
        let fresh = node.style == Style::Plain && (made || untyped);
        let text = new.value_text().unwrap_or_default().to_owned();
        if fresh {
            node.value = Value::Scalar(text.into());
        } else {
            set_text(node, &text);
        }
        if delimiter.is_empty() {
            node.span = new.span;
        }
        node.changed(Action::Substituted, by, (!made).then_some(before));
    } else {
        *node = Node { history: before.history.clone(), ..new };
        node.changed(Action::Substituted, by, Some(before));
    }
    Ok(())
}

/// The walk to the fields that a path names.
struct Walk<'a> {
    /// The value to make missing fields for; `None`: nothing is made.
    create: Option<&'a Node>,
    /// Whether the path may go on in YAML or JSON that stands in a text.
    into_texts: bool,
    by: Span,
}

impl Walk<'_> {
    fn go(&self, node: &mut Node, parts: &[String], write: &mut Write<'_>) -> Result<(), String> {
        let Some((part, rest)) = parts.split_first() else { return write(node) };
        let wrong = |wanted: &str| Err(format!("wrong node kind: expected {wanted}"));
        if let Ok(index) = part.parse::<usize>() {
            let length = node.items().len();
            let made = (length == index && self.create.is_some()).then(|| self.made(rest));
            let Some(items) = node.as_sequence_mut() else { return wrong("SequenceNode") };
            items.extend(made);
            return match items.get_mut(index) {
                Some(item) => self.go(item, rest, write),
                None => Err(format!("index {index} specified but only {length} elements found")),
            };
        }
        if part == "*" {
            let Some(items) = node.as_sequence_mut() else { return wrong("SequenceNode") };
            return items.iter_mut().try_for_each(|item| self.go(item, rest, write));
        }
        if let Some((key, pattern)) = list_match(part) {
            let pattern = Regex::new(&super::selector::as_go_reads(pattern))
                .map_err(|error| super::selector::regex_error(pattern, &error))?;
            let matches = |item: &Node| {
                let text = if key.is_empty() { item.value_text() } else { item.get(key).and_then(Node::value_text) };
                text.is_some_and(|text| pattern.is_match(text.trim()))
            };
            let by = self.by;
            let Some(items) = node.as_sequence_mut() else { return wrong("SequenceNode") };
            if !items.iter().any(matches) && self.create.is_some() {
                let value = Node::plain(list_match(part).map_or("", |(_, value)| value), by);
                items.push(if key.is_empty() {
                    value
                } else {
                    Node::mapping([Entry { key: Key::new(key, by), value }].into_iter().collect(), by)
                });
            }
            for item in items.iter_mut().filter(|item| matches(item)) {
                if key.is_empty() {
                    write(item)?;
                } else {
                    self.go(item, rest, write)?;
                }
            }
            return Ok(());
        }
        if node.is_null() {
            return Ok(());
        }
        if node.as_str().is_some() {
            if !self.into_texts {
                return wrong("MappingNode but got ScalarNode");
            }
            return inner_text::change(node, self.by, &mut |root, write| self.go(root, parts, write), write);
        }
        let made = self.create.map(|_| self.made(rest));
        let by = self.by;
        let Some(mapping) = node.as_mapping_mut() else { return wrong("MappingNode") };
        if mapping.get(part).is_none() {
            let Some(made) = made else { return Ok(()) };
            mapping.push(Entry { key: Key::new(part.as_str(), by), value: made });
        }
        match mapping.get_mut(part) {
            Some(value) => self.go(value, rest, write),
            None => Ok(()),
        }
    }

    /// A node for the rest of a path to go on in.
    fn made(&self, rest: &[String]) -> Node {
        match rest.first() {
            Some(next) if list_match(next).is_some() || next.parse::<usize>().is_ok() => {
                Node::sequence(Vec::new(), self.by)
            }
            Some(_) => Node::mapping(Mapping::default(), self.by),
            None => match self.create.map(|value| &value.value) {
                Some(Value::Mapping(_)) => Node::mapping(Mapping::default(), self.by),
                Some(Value::Sequence(_)) => Node::sequence(Vec::new(), self.by),
                _ => Node::plain("", self.by),
            },
        }
    }
}
