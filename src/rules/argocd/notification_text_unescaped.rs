//! See `rules/argocd/argocd-notification-text-unescaped.md`.

use super::notifications::templates;
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

/// Functions after which a text can stand within JSON.
const ESCAPES: [&str; 8] = ["toJson", "toRawJson", "js", "quote", "b64enc", "urlquery", "replace", "regexReplaceAll"];

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    for (app, node) in templates(repository) {
        let Some(text) = node.as_text() else { continue };
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let mut rest = 0;
            while let Some(start) = line.get(rest..).and_then(|tail| tail.find("{{")).map(|start| rest + start) {
                let Some(end) = line.get(start..).and_then(|tail| tail.find("}}")).map(|end| start + end + 2) else {
                    break;
                };
                rest = end;
                let action = line.get(start..end).unwrap_or_default();
                if !is_free_text(action) || !in_json_text(line.get(..start).unwrap_or_default()) {
                    continue;
                }
                let span = repository.files.part(node, at + start..at + end).unwrap_or(node.span);
                findings.about(Some(app), None);
                let message = "this message is put into a JSON text as it is: a quotation mark or a line break in it, and most \
                               error messages have one, makes the body invalid, and the receiver refuses the notification";
                findings
                    .report(span, message)
                    .label("not escaped")
                    .help("write `| toJson` at the end of the action, and take the quotation marks around it away");
            }
            at += line.len();
        }
    }
}

/// Whether an action prints a message that others wrote, as it is.
fn is_free_text(action: &str) -> bool {
    let inner = action.trim_start_matches(['{', '-', ' ']).trim_end_matches(['}', '-', ' ']);
    let field = inner.split(['|', ' ']).next().unwrap_or_default();
    let words = || inner.split(|c: char| !c.is_alphanumeric());
    field.starts_with('.') && field.ends_with(".message") && !words().any(|word| ESCAPES.contains(&word))
}

/// Whether the line so far opens a text that is the value of a JSON key: `"key": "…`.
fn in_json_text(before: &str) -> bool {
    let Some(quote) = before.rfind('"') else { return false };
    before.get(..quote).is_some_and(|start| start.trim_end().ends_with("\":"))
}
