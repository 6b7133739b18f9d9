//! Which resources a patch or a replacement is meant for.

use regex::Regex;

use super::id::text_of;
use super::resource::Resource;
use crate::yaml::Node;

/// A selector with its patterns ready.
pub(super) struct Selector {
    group: Option<Regex>,
    version: Option<Regex>,
    kind: Option<Regex>,
    name: Option<Regex>,
    namespace: Option<Regex>,
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
        let fits = |pattern: &Option<Regex>, text: &str| pattern.as_ref().is_none_or(|pattern| pattern.is_match(text));
        let (current, original) = (resource.id(), resource.original_id());
        (fits(&self.namespace, original.effective_namespace()) || fits(&self.namespace, current.effective_namespace()))
            && (fits(&self.name, &original.name) || fits(&self.name, &current.name))
            && fits(&self.group, &current.gvk.group)
            && fits(&self.version, &current.gvk.version)
            && fits(&self.kind, &current.gvk.kind)
            && self.fits_labels(resource)
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
pub(super) fn anchored(pattern: &str) -> Result<Regex, String> {
    Regex::new(&format!("^(?:{pattern})$")).map_err(|error| regex_error(pattern, &error))
}

pub(super) fn regex_error(pattern: &str, error: &regex::Error) -> String {
    let why = error.to_string();
    let why = why.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
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
