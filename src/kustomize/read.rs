//! Resource files: text to the objects in it, as kustomize reads them.

use super::id::{ResId, text_of};
use super::problem::{Problem, ProblemKind};
use super::scalar::{self, is_nothing};
use crate::source::Span;
use crate::yaml::{Node, Stream};

/// Why a text is no list of resources.
#[derive(Debug)]
pub(super) struct Unusable {
    pub(super) span: Span,
    /// Kustomize's words.
    pub(super) words: String,
    /// What is wrong, for people.
    pub(super) message: String,
    /// Whether the text is not even YAML.
    pub(super) malformed: bool,
}

impl Unusable {
    pub(super) fn problem(self) -> Problem {
        Problem::new(ProblemKind::BuildFails, self.span, self.message).upstream(self.words)
    }
}

/// The objects of a text whose parsed form is `stream`. `whole` stands for the text where there is no better place.
pub(super) fn resources(stream: &Stream, text: &str, whole: Span) -> Result<Vec<Node>, Unusable> {
    if let Some(problem) = stream.problems.iter().find(|problem| problem.kind.loses_content()) {
        let why = problem.kind.message();
        let words = format!("MalformedYAMLError: yaml: {why}");
        let message = format!("kustomize can't read this as YAML: {why}");
        return Err(Unusable { span: problem.span, words, message, malformed: true });
    }
    if let Some(separator) = bad_separator(text) {
        let words = format!("invalid document separator: {separator}");
        let message = format!("after `---` kustomize accepts nothing but a comment, and here stands `{separator}`");
        return Err(Unusable { span: whole, words, message, malformed: false });
    }
    let roots: Vec<&Node> =
        stream.documents.iter().filter_map(|document| document.root.as_ref()).filter(|root| !root.is_null()).collect();
    let single = stream.documents.len() == 1;
    let mut queue = std::collections::VecDeque::new();
    for root in roots {
        let kind = text_of(root.get("kind"));
        if single && matches!(kind, "List" | "ResourceList") && root.get("items").is_some() {
            queue.extend(root.get("items").map(Node::items).unwrap_or_default().iter().cloned());
        } else {
            queue.push_back(root.clone());
        }
    }
    let mut found = Vec::new();
    for node in &queue {
        check(node)?;
    }
    while let Some(node) = queue.pop_front() {
        if is_nothing(Some(&node)) || node.entries().is_empty() {
            continue;
        }
        let items = if text_of(node.get("kind")).ends_with("List") { node.get("items") } else { None };
        match items {
            None => found.push(node),
            Some(items) if items.is_null() => {}
            Some(items) => {
                let Some(inner) = items.as_sequence() else {
                    let kind = text_of(node.get("kind"));
                    let words = format!("expected array in {kind}/items, but found string");
                    let message = format!("the items of a {kind} must be a list");
                    return Err(Unusable { span: items.span, words, message, malformed: false });
                };
                for item in inner {
                    check(item)?;
                    let mut item = item.clone();
                    scalar::through_json(&mut item);
                    queue.push_back(item);
                }
            }
        }
    }
    Ok(found)
}

/// What a document must have to be a resource.
pub(super) fn check(node: &Node) -> Result<(), Unusable> {
    if is_nothing(Some(node)) || node.as_mapping().is_some_and(|mapping| mapping.is_empty()) {
        return Ok(());
    }
    // The field that keeps it from being one, else the whole.
    let place = |path: &[&str]| path.iter().try_fold(node, |node, key| node.get(key)).map(|node| node.span);
    let fail = |span: Option<Span>, words: String, message: &str| {
        Err(Unusable { span: span.unwrap_or(node.span), words, message: message.to_owned(), malformed: false })
    };
    if node.as_mapping().is_none() {
        return fail(None, "missing Resource metadata".to_owned(), "this is no Kubernetes object: it is not a map");
    }
    let kind = text_of(node.get("kind"));
    if kind.is_empty() && node.get("metadata").is_none() {
        return fail(
            None,
            "missing Resource metadata".to_owned(),
            "this is no Kubernetes object: it has no kind and no metadata",
        );
    }
    if text_of(node.at(&["metadata", "name"])).is_empty() && !kind.ends_with("List") {
        let id = ResId::of(node);
        let api_version = text_of(node.get("apiVersion"));
        let namespace = &id.namespace;
        let words =
            format!("missing metadata.name in object {{{{{api_version} {kind}}} {{{{ {namespace}}} map[] map[]}}}}");
        let message = if node.at(&["metadata", "generateName"]).is_some() {
            "the object has no metadata.name; kustomize does not accept generateName alone"
        } else {
            "the object has no metadata.name"
        };
        let span = place(&["metadata", "name"]).or_else(|| place(&["metadata"]));
        return fail(span, words, message);
    }
    if kind.is_empty() {
        let ResId { name, namespace, .. } = ResId::of(node);
        let api_version = text_of(node.get("apiVersion"));
        let words = format!("missing kind in object {{{{{api_version} }} {{{{{name} {namespace}}} map[] map[]}}}}");
        return fail(place(&["kind"]), words, "the object has no kind");
    }
    Ok(())
}

/// A document separator with something behind it.
fn bad_separator(text: &str) -> Option<&str> {
    let mut lines = text.split_inclusive('\n');
    lines.next();
    lines.filter(|line| line.starts_with("---") && line.ends_with('\n')).find_map(|line| {
        let rest = line[3..].trim();
        (!rest.is_empty() && !rest.starts_with('#')).then(|| line.trim())
    })
}
