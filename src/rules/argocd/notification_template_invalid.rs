//! See `rules/argocd/argocd-notification-template-invalid.md`.

use super::notifications::templates;
use crate::finding::nearest;
use crate::gotemplate::{Sprig, Template};
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

/// Functions of Sprig that a slip most often means.
const COMMON: [&str; 16] = [
    "b64dec", "b64enc", "contains", "default", "first", "indent", "join", "last", "lower", "quote", "replace",
    "toJson", "trim", "trunc", "upper", "urlquery",
];

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    for (app, node) in templates(repository) {
        let Some(text) = node.as_text().filter(|text| text.contains("{{")) else { continue };
        let Err(problem) = Template::parse(text, &Sprig) else { continue };
        // Go's own `call` is not among the functions that are known here.
        if problem.message.contains("\"call\"") {
            continue;
        }
        let span = repository.files.part(node, problem.at.clone()).unwrap_or(node.span);
        findings.about(Some(app), None);
        let message = format!(
            "Argo CD's notifications can't use this template: {}. No notification that needs it is sent",
            problem.message
        );
        let finding = findings.report(span, message);
        finding.label("not a Go template");
        let written = text.get(problem.at).unwrap_or_default();
        // What people know from other languages.
        let meant = if written == "truncate" { Some("trunc") } else { nearest(written, COMMON) };
        match meant {
            Some(meant) if problem.message.contains("function") => finding.help(format!("did you mean `{meant}`?")),
            _ => finding.help("templates are Go's `text/template` with the functions of Sprig"),
        };
    }
}
