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
use crate::source::{FileId, SourceFile, Span};
use crate::yaml::{Entry, Node, Stream, Value};

/// Parts of one map or list that are searched where order does not lead to the place: one list of a hundred thousand
/// parts with as many findings must not cost their product.
const MAX_SEARCHED: usize = 256;

/// A fingerprint for each finding. Findings that are equal in everything are told apart by their order.
pub(super) fn fingerprints(repository: &Repository, findings: &[Finding]) -> Vec<String> {
    let mut secrets: HashMap<FileId, Secrets> = HashMap::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut fingerprints = Vec::with_capacity(findings.len());
    for finding in findings {
        let file = repository.files.sources.file(finding.primary.span.file);
        let stream = repository.files.stream(file.id);
        let secrets = secrets.entry(file.id).or_insert_with(|| Secrets::of(&file, &stream));
        let facts = facts(finding, &file, &stream, secrets);
        let ordinal = seen.entry(facts.clone()).and_modify(|count| *count += 1).or_insert(0);
        fingerprints.push(hash(&facts, *ordinal));
    }
    fingerprints
}

fn hash(facts: &str, ordinal: usize) -> String {
    let digest = Sha256::digest(format!("{facts}\0{ordinal}"));
    // Half of the digest is far more than a repository's findings need to stay apart.
    digest.iter().take(16).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn facts(finding: &Finding, file: &SourceFile, stream: &Stream, secrets: &Secrets) -> String {
    let span = finding.primary.span;
    // A hash of a short secret can be guessed.
    let text = if secrets.touch(span) { "" } else { file.slice(span) };
    let text: Vec<&str> = text.split_whitespace().take(32).collect();
    let object = finding.object.as_deref().unwrap_or_default();
    [finding.rule.as_str(), file.path.as_str(), object, &key_path(stream, span), &text.join(" ")].join("\0")
}

/// The document's object, if it is one, and the keys that lead to a place. An element of a list is named by its `name`
/// where it has one, so that an element that is put before it changes nothing.
fn key_path(stream: &Stream, span: Span) -> String {
    let document = stream.documents.partition_point(|document| document.span.start <= span.start);
    let root = document.checked_sub(1).and_then(|at| stream.documents.get(at)?.root.as_ref());
    let Some(mut node) = root else { return String::new() };
    let mut path = ObjectId::of(node).map(|id| id.to_string()).unwrap_or_default();
    loop {
        let next = match &node.value {
            Value::Scalar(_) => None,
            Value::Mapping(mapping) => {
                let holds = |entry: &Entry| contains(entry.key.span, span) || contains(entry.value.span, span);
                let start = |entry: &Entry| entry.key.span.start;
                let entry = holder(mapping.entries(), span, start, holds);
                entry.or_else(|| mapping.shadowed().iter().find(|entry| holds(entry))).map(|entry| {
                    let _ = write!(path, ".{}", entry.key.text);
                    &entry.value
                })
            }
            Value::Sequence(items) => {
                let item = holder(items, span, |item| item.span.start, |item| contains(item.span, span));
                item.inspect(|item| {
                    let _ = match item.get("name").and_then(Node::as_text) {
                        Some(name) => write!(path, "[name={name}]"),
                        None => write!(path, "[]"),
                    };
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

/// The part of a map or list that holds a place. Parts stand in file order unless an alias or a merge brought them.
fn holder<T>(parts: &[T], span: Span, start: impl Fn(&T) -> u32, holds: impl Fn(&T) -> bool) -> Option<&T> {
    let behind = parts.partition_point(|part| start(part) <= span.start);
    let near = behind.checked_sub(1).and_then(|at| parts.get(at)).filter(|part| holds(part));
    near.or_else(|| parts.iter().take(MAX_SEARCHED).find(|part| holds(part)))
}

fn contains(outer: Span, inner: Span) -> bool {
    outer.file == inner.file && outer.start <= inner.start && inner.start <= outer.end
}
