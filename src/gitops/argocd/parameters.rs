//! ApplicationSet templates: `{{path.basename}}` (fasttemplate) and `{{ .path.basename }}` (Go templates).
//!
//! Left out: control flow, and the greater part of the functions. What can't be evaluated becomes an unknown value; it
//! is never guessed.

use crate::yaml::{Entry, Mapping, Node, Style, Value};

/// The parameters of one Application: a tree, whose leaves Go templates reach by fields and fasttemplate by joined names.
pub(super) struct Parameters<'a> {
    /// The tree.
    pub root: &'a Node,
    /// Whether the templates are Go templates.
    pub go: bool,
}

impl Parameters<'_> {
    /// The template with its placeholders replaced. Values stay placed where the template is written.
    pub(super) fn apply(&self, template: &Node) -> Node {
        let mut node = template.clone();
        match &template.value {
            Value::Scalar(text) if text.contains("{{") => match self.text(text) {
                // The API server stored the template as a string, and a string it stays.
                Some(text) => return Node { style: Style::DoubleQuoted, ..Node::string(text, node.span) },
                None => return Node::unknown(text.clone(), node.span),
            },
            Value::Scalar(_) => {}
            Value::Sequence(items) => {
                node.value = Value::Sequence(std::sync::Arc::new(items.iter().map(|item| self.apply(item)).collect()));
            }
            Value::Mapping(mapping) => {
                let entries = mapping.iter().map(|entry| {
                    let text = entry.key.text.contains("{{").then(|| self.text(&entry.key.text)).flatten();
                    let mut key = entry.key.clone();
                    key.text = text.map_or(key.text, Into::into);
                    Entry { key, value: self.apply(&entry.value) }
                });
                node.value = Value::Mapping(std::sync::Arc::new(Mapping::from_iter(entries)));
            }
        }
        node
    }

    /// A text with its placeholders replaced; `None` if one of them can't be known.
    pub(super) fn text(&self, text: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (action, after) = after.split_once("}}")?;
            let (action, trim_before) = action.strip_prefix('-').map_or((action, false), |action| (action, true));
            let (action, trim_after) = action.strip_suffix('-').map_or((action, false), |action| (action, true));
            out.push_str(if trim_before { before.trim_end() } else { before });
            out.push_str(&self.evaluate(action.trim())?);
            rest = if trim_after { after.trim_start() } else { after };
        }
        out.push_str(rest);
        Some(out)
    }

    fn evaluate(&self, action: &str) -> Option<String> {
        if self.go {
            let node = Expression { tokens: tokens(action)?, at: 0, root: self.root }.pipeline()?;
            return node.as_text().map(str::to_owned);
        }
        self.joined(action).and_then(Node::as_text).map(str::to_owned)
    }

    /// Finds `a.b.c` or `path[0]`. A name may itself hold dots, so the longest key that fits is tried at each step.
    fn joined(&self, name: &str) -> Option<&Node> {
        if let Some((list, index)) = name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            let segments = self.root.at(&[list, "segments"]).or_else(|| find(self.root, list))?;
            return segments.items().get(index.parse::<usize>().ok()?);
        }
        let found = find(self.root, name)?;
        // In fasttemplate `path` is the directory itself.
        if found.as_mapping().is_some() { found.get("path") } else { Some(found) }
    }
}

fn find<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    if let Some(found) = node.get(name) {
        return Some(found);
    }
    let dots = name.match_indices('.').map(|(at, _)| at);
    dots.rev().find_map(|at| find(node.get(name.get(..at)?)?, name.get(at + 1..)?))
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Token {
    /// `.a.b`, without the first dot; empty for the dot alone.
    Field(String),
    Word(String),
    Text(String),
    Open,
    Close,
    Pipe,
}

/// Longest action that is looked at.
const MAX_ACTION: usize = 2_000;

fn tokens(action: &str) -> Option<Vec<Token>> {
    if action.len() > MAX_ACTION {
        return None;
    }
    let mut tokens = Vec::new();
    let mut rest = action.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |text: &str| text.find(|c: char| c.is_whitespace() || "()|\"`".contains(c)).unwrap_or(text.len());
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '|' => (Token::Pipe, 1),
            '"' | '`' => {
                let end = rest.get(1..)?.find(first)?;
                let text = rest.get(1..=end)?;
                // Escapes are rare enough to be left to the real engine.
                if text.contains('\\') {
                    return None;
                }
                (Token::Text(text.to_owned()), end + 2)
            }
            '.' => {
                let end = word(rest);
                (Token::Field(rest.get(1..end)?.to_owned()), end)
            }
            _ => {
                let end = word(rest).max(1);
                (Token::Word(rest.get(..end)?.to_owned()), end)
            }
        };
        tokens.push(token);
        rest = rest.get(length..)?.trim_start();
    }
    Some(tokens)
}

/// Evaluates a pipeline of known functions over the parameters.
struct Expression<'a> {
    tokens: Vec<Token>,
    at: usize,
    root: &'a Node,
}

impl Expression<'_> {
    fn pipeline(&mut self) -> Option<Node> {
        let mut value = self.command(None)?;
        while self.tokens.get(self.at) == Some(&Token::Pipe) {
            self.at += 1;
            value = self.command(Some(value))?;
        }
        matches!(self.tokens.get(self.at), None | Some(Token::Close)).then_some(value)
    }

    fn command(&mut self, piped: Option<Node>) -> Option<Node> {
        let function = match self.tokens.get(self.at)? {
            Token::Word(word) if word.parse::<i64>().is_err() => word.clone(),
            _ if piped.is_none() => return self.operand(),
            _ => return None,
        };
        self.at += 1;
        let mut arguments = Vec::new();
        while !matches!(self.tokens.get(self.at), None | Some(Token::Pipe | Token::Close)) {
            // A missing field is what `default` is for.
            arguments.push(self.operand().or_else(|| (function == "default").then(|| self.text("")))?);
        }
        arguments.extend(piped);
        self.call(&function, &arguments)
    }

    fn operand(&mut self) -> Option<Node> {
        let token = self.tokens.get(self.at)?.clone();
        self.at += 1;
        match token {
            Token::Field(path) if path.is_empty() => Some(self.root.clone()),
            Token::Field(path) => self.root.at(&path.split('.').collect::<Vec<_>>()).cloned(),
            Token::Text(text) => Some(self.text(&text)),
            Token::Word(word) => Some(Node::plain(word, self.root.span)),
            Token::Open => {
                let value = self.pipeline()?;
                self.at += 1;
                Some(value)
            }
            Token::Close | Token::Pipe => None,
        }
    }

    fn text(&self, text: &str) -> Node {
        Node::string(text, self.root.span)
    }

    fn call(&self, function: &str, arguments: &[Node]) -> Option<Node> {
        let text = |at: usize| arguments.get(at).and_then(Node::as_text);
        Some(match (function, arguments) {
            ("index", [first, rest @ ..]) => rest
                .iter()
                .try_fold(first, |node, key| match key.as_i64() {
                    Some(index) => node.items().get(usize::try_from(index).ok()?),
                    None => node.get(key.as_text()?),
                })?
                .clone(),
            ("dig", [keys @ .., default, tree]) => {
                let keys: Option<Vec<&str>> = keys.iter().map(Node::as_text).collect();
                tree.at(&keys?).unwrap_or(default).clone()
            }
            ("default", [default, value]) => {
                let empty = value.is_null() || value.as_text() == Some("") || value.as_bool() == Some(false);
                if empty { default.clone() } else { value.clone() }
            }
            ("lower", [_]) => self.text(&text(0)?.to_lowercase()),
            ("upper", [_]) => self.text(&text(0)?.to_uppercase()),
            ("quote", [_]) => self.text(&format!("\"{}\"", text(0)?)),
            ("trim" | "toString" | "print", [_]) => self.text(text(0)?.trim()),
            ("normalize", [_]) => self.text(&normalize(text(0)?)),
            ("trimPrefix", [_, _]) => self.text(text(1)?.strip_prefix(text(0)?).unwrap_or(text(1)?)),
            ("trimSuffix", [_, _]) => self.text(text(1)?.strip_suffix(text(0)?).unwrap_or(text(1)?)),
            ("replace", [_, _, _]) => self.text(&text(2)?.replace(text(0)?, text(1)?)),
            _ => return None,
        })
    }
}

/// A text made fit for a name: lower case, everything but letters, digits, `-` and `.` replaced by `-`, at most 253
/// characters, no `-` or `.` at either end (Argo CD's `SanitizeName`).
pub(super) fn normalize(text: &str) -> String {
    let allowed = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.' { c } else { '-' };
    let name: String = text.to_lowercase().chars().map(allowed).take(253).collect();
    name.trim_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use crate::yaml::parse;

    fn text(go: bool, template: &str) -> Option<String> {
        let parameters = "{path: {path: apps/Media_x, basename: Media_x, segments: [apps, Media_x]}, values: {a: '1'}, sync: {wave: 3}, a.b: dotted}";
        let root = parse(FileId(0), parameters.as_bytes()).documents.remove(0).root.expect("content");
        Parameters { root: &root, go }.text(template)
    }

    #[test]
    fn fasttemplate_names_are_joined() {
        let cases = [
            ("{{path}}", Some("apps/Media_x")),
            ("x-{{ path.basename }}-{{values.a}}", Some("x-Media_x-1")),
            ("{{path[0]}}", Some("apps")),
            ("{{a.b}}", Some("dotted")),
            ("{{name}}", None),
            ("{{path", None),
        ];
        for (template, expected) in cases {
            assert_eq!(text(false, template).as_deref(), expected, "{template}");
        }
    }

    #[test]
    fn go_templates_evaluate_what_is_known() {
        let cases = [
            ("{{ .path.path }}", Some("apps/Media_x")),
            ("{{- index .path.segments 1 | lower -}}", Some("media_x")),
            (r#"{{ dig "sync" "wave" "0" . }}"#, Some("3")),
            (r#"{{ dig "sync" "none" "0" . }}"#, Some("0")),
            (r#"{{ default "x" .none }}"#, Some("x")),
            ("{{ normalize .path.basename }}", Some("media-x")),
            (r#"{{ (index .path.segments 0) | replace "a" "b" }}"#, Some("bpps")),
            ("{{ .none }}", None),
            ("{{ if .path }}x{{ end }}", None),
            ("{{ | }}", None),
            ("{{ ( }}", None),
        ];
        for (template, expected) in cases {
            assert_eq!(text(true, template).as_deref(), expected, "{template}");
        }
    }
}
