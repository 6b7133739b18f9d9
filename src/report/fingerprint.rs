//! What a finding is recognised by when lines have moved: a baseline, a code scanning alert, a review comment.
//!
//! The rule, the file, the object, the keys that lead to the place, and the text there make the fingerprint. Line
//! numbers, messages and apps do not: they change without the mistake being another.

use std::fmt::Write as _;

use foldhash::{HashMap, HashMapExt};
use sha2::{Digest, Sha256};

use super::secrets::Secrets;
use crate::finding::Finding;
use crate::kubernetes::ObjectId;
use crate::repository::Repository;
use crate::source::Span;
use crate::yaml::{Node, Stream, Value};

/// A fingerprint for each finding. Findings that are equal in everything are told apart by their order.
pub(super) fn fingerprints(repository: &Repository, findings: &[Finding]) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut fingerprint = |finding| {
        let facts = facts(repository, finding);
        let ordinal = seen.entry(facts.clone()).and_modify(|count| *count += 1).or_insert(0);
        hash(&facts, *ordinal)
    };
    findings.iter().map(&mut fingerprint).collect()
}

fn hash(facts: &str, ordinal: usize) -> String {
    let digest = Sha256::digest(format!("{facts}\0{ordinal}"));
    // Half of the digest is far more than a repository's findings need to stay apart.
    digest.iter().take(16).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn facts(repository: &Repository, finding: &Finding) -> String {
    let span = finding.primary.span;
    let file = repository.files.sources.file(span.file);
    let stream = repository.files.stream(file.id);
    // A hash of a short secret can be guessed.
    let text = if Secrets::of(&file, &stream).touch(span) { "" } else { file.slice(span) };
    let text: Vec<&str> = text.split_whitespace().take(32).collect();
    let object = finding.object.as_deref().unwrap_or_default();
    [finding.rule.as_str(), file.path.as_str(), object, &key_path(&stream, span), &text.join(" ")].join("\0")
}

/// The document's object, if it is one, and the keys that lead to a place. An element of a list is named by its `name`
/// where it has one, so that an element that is put before it changes nothing.
fn key_path(stream: &Stream, span: Span) -> String {
    let roots = stream.documents.iter().filter_map(|document| document.root.as_ref());
    let Some(mut node) = roots.rev().find(|root| root.span.start <= span.start) else { return String::new() };
    let mut path = ObjectId::of(node).map(|id| id.to_string()).unwrap_or_default();
    loop {
        let next = match &node.value {
            Value::Scalar(_) => None,
            Value::Mapping(mapping) => {
                let holds =
                    |entry: &&crate::yaml::Entry| contains(entry.key.span, span) || contains(entry.value.span, span);
                mapping.iter().chain(mapping.shadowed()).find(holds).map(|entry| {
                    let _ = write!(path, ".{}", entry.key.text);
                    &entry.value
                })
            }
            Value::Sequence(items) => {
                items.iter().enumerate().find(|(_, item)| contains(item.span, span)).map(|(at, item)| {
                    let _ = match item.get("name").and_then(Node::as_text) {
                        Some(name) => write!(path, "[name={name}]"),
                        None => write!(path, "[{at}]"),
                    };
                    item
                })
            }
        };
        match next {
            // The tree is finite, and each step goes one level down.
            Some(next) => node = next,
            None => return path,
        }
    }
}

fn contains(outer: Span, inner: Span) -> bool {
    outer.file == inner.file && outer.start <= inner.start && inner.start <= outer.end
}
