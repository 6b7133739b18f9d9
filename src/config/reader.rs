//! Strict reading of small YAML documents: every key is known, every value of the right kind, and whatever is not is
//! said with its place and the nearest right name. Serves `.presync.yaml` and the metadata of rule files.

use crate::finding::nearest;
use crate::source::Span;
use crate::yaml::{Mapping, Node, Stream};

/// Something wrong in `.presync.yaml` or in a rule file: the run can't do what its user asked for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ConfigProblem {
    /// The text to mend.
    pub span: Span,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// Collects problems while a document is read.
#[derive(Default)]
pub(crate) struct Reader {
    pub(crate) problems: Vec<ConfigProblem>,
}

impl Reader {
    /// Adds a problem.
    pub(crate) fn problem(&mut self, span: Span, message: impl Into<String>) -> &mut ConfigProblem {
        let at = self.problems.len();
        self.problems.push(ConfigProblem { span, message: message.into(), help: None });
        &mut self.problems[at]
    }

    /// Adds a problem about a name that is none of `known`, with the nearest of them.
    pub(crate) fn unknown_name<'a>(
        &mut self,
        span: Span,
        message: impl Into<String>,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) {
        let help = nearest(name, known).map(|nearest| format!("did you mean `{nearest}`?"));
        self.problem(span, message).help = help;
    }

    /// The only document of a stream, its problems taken over. `None` if it is empty or broken.
    pub(crate) fn document<'s>(&mut self, stream: &'s Stream, what: &str) -> Option<&'s Node> {
        for problem in &stream.problems {
            let message = format!("{what}: {}", problem.kind.message());
            self.problem(problem.span, message).help = problem.kind.help();
        }
        let mut roots = stream.documents.iter().filter_map(|document| document.root.as_ref());
        let root = roots.next().filter(|root| !root.is_null())?;
        if let Some(second) = roots.next() {
            self.problem(second.span, format!("{what} must be one document; this is a second one"));
        }
        Some(root)
    }

    /// The value as a map.
    pub(crate) fn mapping<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n Mapping> {
        if node.is_null() {
            return None;
        }
        let mapping = node.as_mapping();
        if mapping.is_none() {
            self.problem(node.span, format!("{what} must be a map"));
        }
        mapping
    }

    /// The value as a map whose keys are all among `keys`. Entries with other keys are reported.
    pub(crate) fn fields<'n>(&mut self, node: &'n Node, what: &str, keys: &[&str]) -> Option<&'n Mapping> {
        let mapping = self.mapping(node, what)?;
        for entry in mapping.iter().filter(|entry| !keys.contains(&entry.key.text.as_str())) {
            let key = &entry.key;
            self.unknown_name(key.span, format!("{what} has no key `{}`", key.text), &key.text, keys.iter().copied());
        }
        Some(mapping)
    }

    /// The value as a list.
    pub(crate) fn list<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Node] {
        if node.as_sequence().is_none() && !node.is_null() {
            self.problem(node.span, format!("{what} must be a list"));
        }
        node.items()
    }

    /// The value as text; numbers and words such as `off` are taken as they are written.
    pub(crate) fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        let text = node.as_text().filter(|text| !text.is_empty());
        if text.is_none() {
            self.problem(node.span, format!("{what} must be a text"));
        }
        text
    }

    /// The value as one text or a list of texts, each with its place.
    pub(crate) fn texts<'n>(&mut self, node: &'n Node, what: &str) -> Vec<(&'n str, Span)> {
        if node.as_sequence().is_none() {
            return self.text(node, what).map(|text| (text, node.span)).into_iter().collect();
        }
        node.items().iter().filter_map(|item| Some((self.text(item, what)?, item.span))).collect()
    }

    /// The value as one of a few words.
    pub(crate) fn word<T: Copy>(&mut self, node: &Node, what: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(node, what)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let message = format!("{what} must be one of {}, not `{text}`", known.join(", "));
            self.unknown_name(node.span, message, text, known);
        }
        found
    }
}
