//! Which resources a patch or a replacement is meant for.

use regex::Regex;

use super::id::text_of;
use super::resource::{Resource, Resources};
use crate::yaml::Node;

/// A pattern that must cover the whole text. Most are plain words, which need no regular expression and can be looked up.
pub(super) enum Pattern {
    Word(String),
    Regex(Regex),
}

/// Whether a text is what a field asks for; a field that is not there asks for nothing.
pub(super) fn fits(pattern: Option<&Pattern>, text: &str) -> bool {
    match pattern {
        None => true,
        Some(Pattern::Word(word)) => word == text,
        Some(Pattern::Regex(regex)) => regex.is_match(text),
    }
}

/// A selector with its patterns ready.
pub(super) struct Selector {
    group: Option<Pattern>,
    version: Option<Pattern>,
    kind: Option<Pattern>,
    name: Option<Pattern>,
    namespace: Option<Pattern>,
    labels: Vec<Requirement>,
    annotations: Vec<Requirement>,
}

/// One condition on labels.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Requirement {
    key: String,
    /// The values; `None`: only the key counts.
    values: Option<Vec<String>>,
    /// Whether the condition is turned round: the key or the value must not be there.
    not: bool,
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// If a pattern is no regular expression, or a label selector can't be read; in Go's words.
    pub(super) fn new(node: &Node) -> Result<Self, String> {
        let pattern = |field: &str| match node.get(field).and_then(Node::as_str) {
            None | Some("") => Ok(None),
            Some(pattern) => anchored(pattern).map(Some),
        };
        let requirements = |field: &str| requirements(node.get(field).and_then(Node::as_str).unwrap_or_default());
        Ok(Self {
            group: pattern("group")?,
            version: pattern("version")?,
            kind: pattern("kind")?,
            name: pattern("name")?,
            namespace: pattern("namespace")?,
            labels: requirements("labelSelector")?,
            annotations: requirements("annotationSelector")?,
        })
    }

    /// Whether the resource is meant. Name and namespace may be those it started with.
    pub(super) fn selects(&self, resource: &Resource) -> bool {
        let (current, original) = (resource.id(), resource.original_id());
        let namespace = self.namespace.as_ref();
        (fits(namespace, original.effective_namespace()) || fits(namespace, current.effective_namespace()))
            && (fits(self.name.as_ref(), &original.name) || fits(self.name.as_ref(), &current.name))
            && fits(self.group.as_ref(), &current.gvk.group)
            && fits(self.version.as_ref(), &current.gvk.version)
            && fits(self.kind.as_ref(), &current.gvk.kind)
            && self.fits_labels(resource)
    }

    /// Indexes of the resources that are meant.
    pub(super) fn select(&self, resources: &Resources) -> Vec<usize> {
        let list = resources.list();
        let is_meant = |at: &usize| list.get(*at).is_some_and(|resource| self.selects(resource));
        resources.called(self.name.as_ref()).filter(is_meant).collect()
    }

    /// Whether labels and annotations are as asked for.
    pub(super) fn fits_labels(&self, resource: &Resource) -> bool {
        let map = |field: &str| resource.root.at(&["metadata", field]);
        all_met(&self.labels, map("labels")) && all_met(&self.annotations, map("annotations"))
    }

    pub(super) fn has_labels(&self) -> bool {
        !self.labels.is_empty() || !self.annotations.is_empty()
    }
}

/// A pattern that must cover the whole text.
pub(super) fn anchored(pattern: &str) -> Result<Pattern, String> {
    if !pattern.contains(['\\', '.', '+', '*', '?', '(', ')', '|', '[', ']', '{', '}', '^', '$']) {
        return Ok(Pattern::Word(pattern.to_owned()));
    }
    let anchored = format!("^(?:{pattern})$");
    Regex::new(&as_go_reads(&anchored)).map(Pattern::Regex).map_err(|error| regex_error(&anchored, &error))
}

/// The pattern with what Go takes literally and Rust refuses written so that Rust takes it literally too: a brace that
/// begins no count, and a bracket or a doubled sign inside a class.
pub(super) fn as_go_reads(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut in_class = false;
    let mut rest = pattern.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '\\' => {
                out.push(letter);
                out.extend(rest.next());
                continue;
            }
            '[' if in_class && rest.peek() != Some(&':') => out.push('\\'),
            '&' | '~' if in_class && rest.peek() == Some(&letter) => out.push('\\'),
            '[' => in_class = true,
            ']' => in_class = false,
            '{' if !in_class && !begins_count(rest.clone()) => out.push('\\'),
            _ => {}
        }
        out.push(letter);
    }
    out
}

/// Whether what follows a brace is `3}`, `3,}` or `3,5}`.
fn begins_count(rest: impl Iterator<Item = char>) -> bool {
    let inside: String = rest.take(12).collect();
    let Some((inside, _)) = inside.split_once('}') else { return false };
    let (from, to) = inside.split_once(',').unwrap_or((inside, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !from.is_empty() && is_number(from) && is_number(to)
}

pub(super) fn regex_error(pattern: &str, error: &regex::Error) -> String {
    let why = error.to_string();
    let why = match why.lines().last().unwrap_or_default().trim().trim_start_matches("error: ") {
        "unclosed group" => "missing closing )",
        "unopened group" => "unexpected )",
        "unclosed character class" => "missing closing ]",
        "repetition operator missing expression" => "missing argument to repetition operator",
        why => why,
    };
    format!("error parsing regexp: {why}: `{pattern}`")
}

fn all_met(requirements: &[Requirement], map: Option<&Node>) -> bool {
    requirements.iter().all(|requirement| {
        let value = map.and_then(|map| map.get(&requirement.key));
        let met = match (&requirement.values, value) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(values), Some(value)) => values.iter().any(|wanted| wanted == text_of(Some(value))),
        };
        met != requirement.not
    })
}

/// Reads Kubernetes' label selector syntax.
pub(super) fn requirements(text: &str) -> Result<Vec<Requirement>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    let fail = || format!("unable to parse requirement: invalid label selector {text:?}");
    while !rest.is_empty() {
        let (not, body) = match rest.strip_prefix('!') {
            Some(body) => (true, body.trim_start()),
            None => (false, rest),
        };
        let end =
            body.find(|c: char| c.is_whitespace() || matches!(c, '=' | '!' | ',' | '(' | ')')).unwrap_or(body.len());
        let (key, after) = body.split_at(end);
        if key.is_empty() {
            return Err(fail());
        }
        let after = after.trim_start();
        let take_value = |text: &str| {
            let end = text.find(',').unwrap_or(text.len());
            (text[..end].trim().to_owned(), text[end..].to_owned())
        };
        let word = |word: &str| {
            let after = after.strip_prefix(word)?;
            let inner = after.trim_start().strip_prefix('(')?;
            let (values, after) = inner.split_once(')')?;
            let values = values.split(',').map(|value| value.trim().to_owned()).collect::<Vec<_>>();
            Some((values, after.to_owned()))
        };
        let (values, not, after) = if let Some(after) = after.strip_prefix("!=") {
            let (value, after) = take_value(after);
            (Some(vec![value]), true, after)
        } else if let Some(after) = after.strip_prefix("==").or_else(|| after.strip_prefix('=')) {
            let (value, after) = take_value(after);
            (Some(vec![value]), false, after)
        } else if let Some((values, after)) = word("notin") {
            (Some(values), true, after)
        } else if let Some((values, after)) = word("in") {
            (Some(values), false, after)
        } else {
            (None, not, after.to_owned())
        };
        found.push(Requirement { key: key.to_owned(), values, not });
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(next) => text.get(text.len() - next.len()..).unwrap_or_default().trim_start(),
            None if after.is_empty() => "",
            None => return Err(fail()),
        };
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_to_go() {
        let reads =
            |pattern: &str, text: &str| Regex::new(&as_go_reads(pattern)).is_ok_and(|found| found.is_match(text));
        assert!(reads(r"^\${IMAGE}$", "${IMAGE}"));
        assert!(reads("^a{2,3}$", "aaa") && !reads("^a{2,3}$", "a"));
        assert!(reads("^a{,3}$", "a{,3}"));
        assert!(reads("^[[&&]x$", "[x") && reads("^[[:digit:]]+$", "12"));
    }
}
