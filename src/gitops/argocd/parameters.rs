//! ApplicationSet templates: `{{path.basename}}` (fasttemplate) and `{{ .path.basename }}` (Go templates).
//!
//! What can't be evaluated becomes an unknown value that still shows its placeholder; it is never guessed. Sources of the
//! rules: Argo CD's `applicationset/utils` and the documentation of Go templates for ApplicationSets.

use std::ops::Range;
use std::sync::Arc;

use crate::files::Files;
use crate::gotemplate::{Failure, Kind, Library, MissingKey, Origin, Output, Piece, Sprig, Template, Value};
use crate::source::Span;
use crate::unresolved::{Cause, Unresolved};
use crate::yaml::{Action, Entry, Mapping, Node, Style, Value as Content};

/// The language of a set's templates.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    /// Placeholders that name a parameter.
    Fast,
    /// Go templates.
    Go(MissingKey),
}

impl Language {
    /// What the `spec` of a set asks for: `goTemplate` and `goTemplateOptions`.
    pub(super) fn of(spec: Option<&Node>) -> Self {
        let text = |key| spec.and_then(|spec| spec.get(key));
        if text("goTemplate").and_then(Node::as_bool) != Some(true) {
            return Self::Fast;
        }
        let options = text("goTemplateOptions").map(Node::items).unwrap_or_default().iter().rev();
        let missing_key = options.filter_map(Node::as_str).find_map(|option| match option {
            "missingkey=error" => Some(MissingKey::Error),
            "missingkey=zero" => Some(MissingKey::Zero),
            "missingkey=default" | "missingkey=invalid" => Some(MissingKey::Invalid),
            _ => None,
        });
        Self::Go(missing_key.unwrap_or(MissingKey::Invalid))
    }
}

/// The functions of an ApplicationSet's Go templates: Sprig without those that look at the controller, and two of Argo CD.
struct Functions;

const HIDDEN: [&str; 3] = ["env", "expandenv", "getHostByName"];

impl Library for Functions {
    fn has(&self, name: &str) -> bool {
        matches!(name, "normalize" | "slugify") || !HIDDEN.contains(&name) && Sprig.has(name)
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, Failure> {
        match (name, arguments) {
            ("normalize", [text]) => text.as_str().map(|text| Value::text(normalize(text))).ok_or(Failure::Unknown),
            ("normalize" | "slugify", _) => Err(Failure::Unknown),
            _ => Sprig.call(name, arguments),
        }
    }
}

/// The parameters of one Application: a tree, whose leaves Go templates reach by fields and fasttemplate by joined names.
pub(super) struct Parameters<'a> {
    root: &'a Node,
    /// The same for Go templates, with the option for keys that are missing.
    go: Option<(Value, MissingKey)>,
}

/// A text with its placeholders replaced.
struct Text {
    text: String,
    pieces: Vec<Piece>,
    /// Whether every placeholder has a value.
    known: bool,
}

impl Text {
    /// Where the text is written, if it is a single value as it stands.
    fn origin(&self) -> Option<Span> {
        let ends = self.pieces.iter().skip(1).map(|piece| piece.start).chain([self.text.len()]);
        let mut filled = self.pieces.iter().zip(ends).filter(|(piece, end)| *end > piece.start);
        match (filled.next(), filled.next()) {
            (Some((Piece { origin: Origin::Value(span), .. }, _)), None) => Some(*span),
            _ => None,
        }
    }
}

impl<'a> Parameters<'a> {
    /// `open` says that there are others, which are not known.
    pub(super) fn new(root: &'a Node, open: bool, language: Language) -> Self {
        let go = match language {
            Language::Fast => None,
            Language::Go(missing_key) => {
                let mut value = Value::from(root);
                if let (true, Kind::Map(map)) = (open, &value.kind) {
                    value.kind = Kind::Map(map.clone().opened());
                }
                Some((value, missing_key))
            }
        };
        Self { root, go }
    }

    /// The template with its placeholders replaced. Values stay placed where the template is written; one that is a
    /// parameter as a whole remembers where that was given. What goes wrong is added to `problems`.
    pub(super) fn apply(&self, template: &Node, files: &Files, problems: &mut Vec<Unresolved>) -> Node {
        let mut node = template.clone();
        match &template.value {
            Content::Scalar(text) if text.contains("{{") => {
                let Some(replaced) = self.text(template, files, problems) else {
                    return Node::unknown(text.clone(), node.span);
                };
                if !replaced.known {
                    return Node::unknown(replaced.text, node.span);
                }
                // The API server stored the template as a string, and a string it stays.
                node = Node { style: Style::DoubleQuoted, ..Node::string(replaced.text.as_str(), node.span) };
                if let Some(origin) = replaced.origin() {
                    node.changed(Action::Substituted, origin, Some(template.clone()));
                }
            }
            Content::Scalar(_) => {}
            Content::Sequence(items) => {
                let items = items.iter().map(|item| self.apply(item, files, problems));
                node.value = Content::Sequence(Arc::new(items.collect()));
            }
            Content::Mapping(mapping) => {
                let entries = mapping.iter().map(|entry| {
                    let mut key = entry.key.clone();
                    if key.text.contains("{{") {
                        let name = self.text(&Node::string(key.text.clone(), key.span), files, problems);
                        key.text = name.filter(|name| name.known).map_or(key.text, |name| name.text.into());
                    }
                    Entry { key, value: self.apply(&entry.value, files, problems) }
                });
                node.value = Content::Mapping(Arc::new(Mapping::from_iter(entries)));
            }
        }
        node
    }

    /// The YAML that a template in a scalar becomes, placed where the template is written. Where its text can't be known as
    /// a whole, but is YAML before anything is replaced, its values are replaced one by one. `None` if neither works.
    pub(super) fn document(&self, template: &Node, files: &Files, problems: &mut Vec<Unresolved>) -> Option<Node> {
        let root = |stream: crate::yaml::Stream| {
            let root = stream.documents.into_iter().next().and_then(|document| document.root);
            root.filter(|_| !stream.problems.iter().any(|problem| problem.kind.loses_content()))
        };
        if template.value_text().is_none_or(|text| !text.contains("{{")) {
            return root(files.embedded(template));
        }
        let mut found = Vec::new();
        let text = self.text(template, files, &mut found);
        if let Some(text) = text.as_ref().filter(|text| text.known) {
            problems.append(&mut found);
            let ends = text.pieces.iter().skip(1).map(|piece| piece.start).chain([text.text.len()]);
            let parts = text.pieces.iter().zip(ends);
            let parts =
                parts.map(|(piece, end)| (piece.start..end, piece.from.clone(), piece.origin == Origin::Template));
            return root(files.embedded_as(template, &text.text, parts));
        }
        let is_wrong = !found.is_empty();
        problems.append(&mut found);
        let written = root(files.embedded(template)).filter(|root| root.as_mapping().is_some() && !is_wrong);
        Some(self.apply(&written?, files, problems))
    }

    /// A text with its placeholders replaced; `None` if nothing can be said of it.
    fn text(&self, node: &Node, files: &Files, problems: &mut Vec<Unresolved>) -> Option<Text> {
        let Content::Scalar(text) = &node.value else { return None };
        let Some((data, missing_key)) = &self.go else { return Some(self.fast(text)) };
        let mut report = |at: Range<usize>, message: String| {
            let span = files.part(node, at).unwrap_or(node.span);
            problems.push(Unresolved::at(span, Cause::Invalid, message));
        };
        let template = match Template::parse(text, &Functions) {
            Ok(template) => template,
            Err(problem) => {
                report(problem.at, problem.message);
                return None;
            }
        };
        match template.evaluate(data, &Functions, *missing_key) {
            Ok(Output { text, pieces, unknown }) => {
                for piece in &pieces {
                    let printed = text.get(piece.start..).unwrap_or_default();
                    if piece.origin == Origin::Made && printed.starts_with(NO_VALUE) {
                        report(piece.from.clone(), NO_VALUE.to_owned());
                    }
                }
                Some(Text { text, pieces, known: !unknown })
            }
            Err(stop) => {
                if let Failure::Error(message) = stop.failure {
                    report(stop.at, message);
                }
                None
            }
        }
    }

    /// A placeholder without a value stays in the text.
    fn fast(&self, text: &str) -> Text {
        let mut out = Text { text: String::new(), pieces: Vec::new(), known: true };
        let mut at = 0;
        let push = |out: &mut Text, part: &str, from: Range<usize>, origin: Origin| {
            out.pieces.push(Piece { start: out.text.len(), from, origin });
            out.text.push_str(part);
        };
        while let Some(open) = text.get(at..).and_then(|rest| rest.find("{{")).map(|open| at + open) {
            let Some(close) = text.get(open..).and_then(|rest| rest.find("}}")).map(|close| open + close) else {
                break;
            };
            let name = text.get(open + 2..close).unwrap_or_default().trim();
            let found = self.joined(name).and_then(|node| Some((node.as_text()?, node.span)));
            out.known &= found.is_some();
            push(&mut out, text.get(at..open).unwrap_or_default(), at..open, Origin::Template);
            let (part, origin) = match found {
                Some((value, span)) => (value, Origin::Value(span)),
                None => (text.get(open..close + 2).unwrap_or_default(), Origin::Template),
            };
            push(&mut out, part, open..close + 2, origin);
            at = close + 2;
        }
        let rest = text.get(at..).unwrap_or_default();
        out.known &= !rest.contains("{{");
        push(&mut out, rest, at..text.len(), Origin::Template);
        out
    }

    /// Finds `a.b.c` or `path[0]`. A name may itself hold dots, so the longest key that fits is tried at each step.
    fn joined(&self, name: &str) -> Option<&Node> {
        if let Some((list, index)) = name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            let segments = find(self.root, list).and_then(|path| path.get("segments"))?;
            return segments.items().get(index.parse::<usize>().ok()?);
        }
        let found = find(self.root, name)?;
        // In fasttemplate `path` is the directory itself.
        if found.as_mapping().is_some() { found.get("path") } else { Some(found) }
    }
}

/// What Go prints for a key that is not there.
pub const NO_VALUE: &str = "<no value>";

/// What a joined name leads to, as fasttemplate's parameters have it.
pub(super) fn find<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    if let Some(items) = node.as_sequence() {
        let (index, rest) = name.split_once('.').map_or((name, None), |(index, rest)| (index, Some(rest)));
        let item = items.get(index.parse::<usize>().ok()?)?;
        return rest.map_or(Some(item), |rest| find(item, rest));
    }
    if let Some(found) = node.get(name) {
        return Some(found);
    }
    let mut dots = name.match_indices('.').rev();
    dots.find_map(|(at, _)| find(node.get(name.get(..at)?)?, name.get(at + 1..)?))
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
    use crate::source::{FileId, Sources};
    use crate::yaml::parse;

    fn text(language: Language, open: bool, template: &str) -> Result<String, String> {
        let parameters = "{path: {path: apps/Media_x, basename: Media_x, segments: [apps, Media_x]}, values: {a: '1'}, \
                          list: [x, {y: z}], sync: {wave: 3}, a.b: dotted}";
        let root = parse(FileId(0), parameters.as_bytes()).documents.remove(0).root.expect("content");
        let path = crate::source::RepoPath::new("set.yaml").expect("a path");
        let files = Files::new(Sources::memory(vec![(path, template.as_bytes().to_vec())]));
        let node = Node::string(template, Span::new(FileId(0), 0, template.len()));
        let mut problems = Vec::new();
        let replaced = Parameters::new(&root, open, language).apply(&node, &files, &mut problems);
        match (problems.first(), replaced.value_text()) {
            (Some(problem), _) => Err(problem.reason.clone()),
            (None, Some(text)) if replaced.is_unknown() => Err(format!("unknown: {text}")),
            (None, text) => Ok(text.unwrap_or_default().to_owned()),
        }
    }

    #[test]
    fn fasttemplate_names_are_joined() {
        let cases = [
            ("{{path}}", Ok("apps/Media_x")),
            ("x-{{ path.basename }}-{{values.a}}", Ok("x-Media_x-1")),
            ("{{path[0]}}{{list.0}}{{list.1.y}}", Ok("appsxz")),
            ("{{a.b}}", Ok("dotted")),
            ("{{name}}-{{values.a}}", Err("unknown: {{name}}-1")),
            ("{{path", Err("unknown: {{path")),
        ];
        for (template, expected) in cases {
            let found = text(Language::Fast, false, template);
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{template}");
        }
    }

    #[test]
    fn go_templates_evaluate_what_is_known() {
        let cases = [
            ("{{- index .path.segments 1 | lower -}}", Ok("media_x")),
            (r#"{{ dig "sync" "wave" "0" . }}"#, Ok("3")),
            ("{{ normalize .path.basename }}", Ok("media-x")),
            ("{{ if .path }}x{{ end }}", Ok("x")),
            ("{{ .none }}", Err("<no value>")),
            ("{{ none }}", Err("function \"none\" not defined")),
            ("{{ env `HOME` }}", Err("function \"env\" not defined")),
            ("{{ ( }}", Err("unclosed left paren")),
        ];
        for (template, expected) in cases {
            let found = text(Language::Go(MissingKey::Invalid), false, template);
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{template}");
        }
        let open = |template: &str| text(Language::Go(MissingKey::Error), true, template);
        assert_eq!(open("{{ .name }}-{{ .values.a }}"), Err("unknown: {{ .name }}-1".to_owned()));
        assert_eq!(
            open(r#"{{ if hasKey . "name" }}x{{ end }}"#).map_err(|text| text.starts_with("unknown")),
            Err(true)
        );
    }
}
