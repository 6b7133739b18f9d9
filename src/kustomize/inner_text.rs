//! YAML and JSON that stands in a text of an object: a replacement writes into it since kustomize 5.8, and upstream
//! writes the whole text anew.
//!
//! JSON gets its keys sorted, YAML loses its indentation of lists. YAML that this module could not write as upstream
//! does (comments, folded blocks, tags) is changed in place instead.

use super::hash::write_json;
use super::scalar::{self, Kind, set_text};
use crate::source::Span;
use crate::yaml::{Action, Key, Node, Style, Tag, Value};

/// Writes to one field.
pub(super) type Write<'a> = dyn FnMut(&mut Node) -> Result<(), String> + 'a;

/// Goes from the root of the inner text to the fields that are to be written.
pub(super) type Walk<'a> = dyn FnMut(&mut Node, &mut Write<'_>) -> Result<(), String> + 'a;

/// Changes the YAML or JSON that a text holds.
///
/// # Errors
/// If the text holds neither, or the walk fails; in upstream's words.
pub(super) fn change(node: &mut Node, by: Span, walk: &mut Walk<'_>, write: &mut Write<'_>) -> Result<(), String> {
    let text = node.value_text().unwrap_or_default();
    let stream = crate::yaml::parse(node.span.file, text.as_bytes());
    let root = stream.documents.first().and_then(|document| document.root.clone());
    let structured = |root: &Node| root.as_mapping().is_some() || root.as_sequence().is_some();
    let Some(mut root) = root.filter(|root| stream.problems.is_empty() && structured(root)) else {
        return Err("wrong node kind: expected MappingNode but got ScalarNode".to_owned());
    };
    let new = if text.trim_start().starts_with(['{', '[']) {
        walk(&mut root, write)?;
        let _ = scalar::canonical(&mut root);
        let mut json = String::new();
        write_json(&root, &mut json);
        if text.contains('\n') && text.contains("  ") { indented(&json) } else { json }
    } else if stream.comments.is_empty() && stream.documents.len() == 1 && is_writable(&root) {
        walk(&mut root, write)?;
        let mut writer = Writer::default();
        writer.block(&root, 0);
        writer.out.trim().to_owned()
    } else {
        in_place(text, &mut root, walk, write)?
    };
    let before = node.clone();
    set_text(node, &new);
    node.changed(Action::Substituted, by, Some(before));
    Ok(())
}

/// Puts new texts where the old ones stand and leaves everything else as it is written.
fn in_place(text: &str, root: &mut Node, walk: &mut Walk<'_>, write: &mut Write<'_>) -> Result<String, String> {
    let mut edits: Vec<(std::ops::Range<usize>, String)> = Vec::new();
    walk(root, &mut |found| {
        let (place, style) = (found.span.range(), found.style);
        write(found)?;
        let new = found.value_text().ok_or("only a scalar can be written into a text")?;
        let new = match style {
            Style::DoubleQuoted => double_quoted(new),
            Style::SingleQuoted => single_quoted(new),
            _ => new.to_owned(),
        };
        edits.push((place, new));
        Ok(())
    })?;
    edits.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
    let mut text = text.to_owned();
    for (place, new) in edits {
        if text.get(place.clone()).is_some() {
            text.replace_range(place, &new);
        }
    }
    Ok(text)
}

/// JSON as Go's `json.MarshalIndent` writes it with two blanks.
fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    let mut characters = json.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(character) = characters.next() {
        if quoted {
            quoted = escaped || character != '"';
            escaped = !escaped && character == '\\';
            out.push(character);
            continue;
        }
        match character {
            '{' | '[' => {
                out.push(character);
                match characters.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => out.push(end),
                    None => {
                        depth += 1;
                        line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(character);
            }
            ',' => {
                out.push(character);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            character => {
                quoted = character == '"';
                out.push(character);
            }
        }
    }
    out
}

/// Whether [`Writer`] writes this as upstream does.
fn is_writable(node: &Node) -> bool {
    let aliased = node.history.changes().iter().any(|change| change.action == Action::Aliased);
    if node.tag != Tag::None || aliased {
        return false;
    }
    match &node.value {
        Value::Scalar(text) => match node.style {
            Style::Plain => !text.contains('\n'),
            Style::Folded => false,
            _ => true,
        },
        Value::Sequence(items) => items.iter().all(is_writable),
        Value::Mapping(mapping) => {
            mapping.shadowed().is_empty()
                && mapping.iter().all(|entry| {
                    let key_style = matches!(entry.key.style, Style::Plain | Style::SingleQuoted | Style::DoubleQuoted);
                    key_style && is_writable(&entry.value)
                })
        }
    }
}

/// Writes YAML with its keys in order and its notation kept, as kyaml does.
#[derive(Default)]
struct Writer {
    out: String,
}

impl Writer {
    fn indent(&mut self, indent: usize) {
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    /// A map or list over several lines, or anything else on one.
    fn block(&mut self, node: &Node, indent: usize) {
        match &node.value {
            Value::Mapping(mapping) if is_block(node) => {
                for (at, entry) in mapping.iter().enumerate() {
                    if at > 0 {
                        self.indent(indent);
                    }
                    self.key(&entry.key);
                    match &entry.value.value {
                        Value::Mapping(_) if is_block(&entry.value) => {
                            self.out.push_str(":\n");
                            self.indent(indent + 2);
                            self.block(&entry.value, indent + 2);
                        }
                        // Lists stand in the column of their key.
                        Value::Sequence(_) if is_block(&entry.value) => {
                            self.out.push_str(":\n");
                            self.indent(indent);
                            self.block(&entry.value, indent);
                        }
                        _ => {
                            self.out.push(':');
                            if entry.value.value_text() != Some("") || entry.value.style != Style::Plain {
                                self.out.push(' ');
                            }
                            self.line(&entry.value, indent);
                        }
                    }
                }
            }
            Value::Sequence(items) if is_block(node) => {
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.indent(indent);
                    }
                    self.out.push_str("- ");
                    self.block(item, indent + 2);
                }
            }
            _ => self.line(node, indent.saturating_sub(2)),
        }
    }

    fn line(&mut self, node: &Node, indent: usize) {
        match (&node.value, node.style) {
            (Value::Scalar(text), Style::Literal) => self.literal(text, indent + 2),
            _ => {
                self.inline(node);
                self.out.push('\n');
            }
        }
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.out.push('|');
        if text.starts_with([' ', '\n']) {
            self.out.push('2');
        }
        let body = text.trim_end_matches('\n');
        match text.len() - body.len() {
            0 => self.out.push('-'),
            1 if !body.is_empty() => {}
            _ => self.out.push('+'),
        }
        self.out.push('\n');
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            if !line.is_empty() {
                self.indent(indent);
                self.out.push_str(line);
            }
            self.out.push('\n');
        }
    }

    /// Something in brackets, or a scalar, on one line.
    fn inline(&mut self, node: &Node) {
        match &node.value {
            Value::Scalar(text) => {
                let text = text.as_str();
                match node.style {
                    Style::DoubleQuoted | Style::Literal | Style::Folded => self.out.push_str(&double_quoted(text)),
                    Style::SingleQuoted if !text.contains('\n') => self.out.push_str(&single_quoted(text)),
                    Style::SingleQuoted => self.out.push_str(&double_quoted(text)),
                    _ => self.out.push_str(&plain(node, text)),
                }
            }
            Value::Sequence(items) => {
                self.out.push('[');
                for (at, item) in items.iter().enumerate() {
                    self.out.push_str(if at > 0 { ", " } else { "" });
                    self.inline(item);
                }
                self.out.push(']');
            }
            Value::Mapping(mapping) => {
                self.out.push('{');
                for (at, entry) in mapping.iter().enumerate() {
                    self.out.push_str(if at > 0 { ", " } else { "" });
                    self.key(&entry.key);
                    self.out.push_str(": ");
                    self.inline(&entry.value);
                }
                self.out.push('}');
            }
        }
    }

    fn key(&mut self, key: &Key) {
        match key.style {
            Style::SingleQuoted => self.out.push_str(&single_quoted(&key.text)),
            Style::DoubleQuoted => self.out.push_str(&double_quoted(&key.text)),
            _ => self.out.push_str(&key.text),
        }
    }
}

fn is_block(node: &Node) -> bool {
    node.style != Style::Flow && !(node.entries().is_empty() && node.items().is_empty())
}

/// A scalar without quotes, or in quotes if it would be read as something else.
fn plain(node: &Node, text: &str) -> String {
    let bare = Node::plain(text, node.span);
    if node.tag == Tag::Str && scalar::kind(&bare) != Some(Kind::String) {
        return double_quoted(text);
    }
    let needs_quotes = text.contains(": ")
        || text.contains(" #")
        || text.ends_with([':', ' '])
        || text.starts_with(['&', '*', '!', '|', '>', '\'', '"', '%', '@', '`', '{', '[', ',', '#', ' '])
        || text.starts_with("- ");
    if text.contains('\n') {
        double_quoted(text)
    } else if needs_quotes {
        single_quoted(text)
    } else {
        text.to_owned()
    }
}

fn double_quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn written(text: &str) -> String {
        let span = Span::start_of(FileId(0));
        let mut node = Node::new(Value::Scalar(text.into()), Style::Literal, span);
        change(&mut node, span, &mut |_, _| Ok(()), &mut |_| Ok(())).expect("a structure");
        node.value_text().unwrap_or_default().to_owned()
    }

    #[test]
    fn yaml_is_written_anew() {
        let text = "a:\n    - b: 1\n      c: |\n        x\n\n        y\n    - - p\n      - 'q'\nd: {e: \"f\",\n  g: [1]}\nh:\ni: {}\n";
        let expected = "a:\n- b: 1\n  c: |\n    x\n\n    y\n- - p\n  - 'q'\nd: {e: \"f\", g: [1]}\nh:\ni: {}";
        assert_eq!(written(text), expected);
    }

    #[test]
    fn yaml_with_comments_stays_as_it_is() {
        assert_eq!(written("a:\n    - b # why\n"), "a:\n    - b # why\n");
    }

    #[test]
    fn json_is_sorted() {
        assert_eq!(written("{\"b\": 1, \"a\": [\"<:,\\\"{\"]}"), "{\"a\":[\"\\u003c:,\\\"{\"],\"b\":1}");
        assert_eq!(written("{\n  \"b\": [],\n  \"a\": 1\n}"), "{\n  \"a\": 1,\n  \"b\": []\n}");
    }
}
