//! See `rules/coredns/coredns-rewrite-invalid.md`.

use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Object(check);

/// How a name can be compared (CoreDNS, plugin rewrite).
const MATCHES: [&str; 5] = ["exact", "prefix", "suffix", "substring", "regex"];

fn check(object: &Object, _: &BuiltApp, repository: &Repository, findings: &mut Findings<'_>) {
    if !object.id.is("", "ConfigMap") || !object.id.name.contains("coredns") {
        return;
    }
    for entry in object.root.get("data").map(Node::entries).unwrap_or_default() {
        let key = entry.key.text.as_str();
        if !(key == "Corefile" || key.ends_with(".server") || key.ends_with(".override")) {
            continue;
        }
        let Some(text) = entry.value.as_text() else { continue };
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let start = at;
            at += line.len();
            let mut words = line.split_whitespace().take_while(|word| !word.starts_with('#'));
            if words.next() != Some("rewrite") {
                continue;
            }
            let words: Vec<&str> = words.filter(|word| !matches!(*word, "stop" | "continue")).collect();
            let ["name", first, _, rest @ ..] = words.as_slice() else { continue };
            if rest.is_empty() || MATCHES.contains(&first.to_ascii_lowercase().as_str()) || words.contains(&"{") {
                continue;
            }
            let from = start + line.find("rewrite").unwrap_or_default();
            let span =
                repository.files.part(&entry.value, from..start + line.trim_end().len()).unwrap_or(entry.value.span);
            let message = format!(
                "a `rewrite name` of two names can have nothing behind them, and `{first}` is no way to compare: CoreDNS does \
                 not load this configuration, new pods crash, and those that run keep the old one"
            );
            findings.report(span, message).label("not a rewrite rule").help(
                "write a block, `rewrite stop { name exact FROM TO` and `answer auto }` on lines of their own, or leave the \
                 end of the line out",
            );
        }
    }
}
