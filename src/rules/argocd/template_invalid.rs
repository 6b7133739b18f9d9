//! See `rules/argocd/argocd-template-invalid.md`.

use std::collections::BTreeSet;

use crate::gitops::NO_VALUE;
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

/// Parameters of the generators that are often written without a dot.
const PARAMETERS: [&str; 6] = ["name", "nameNormalized", "server", "path", "namespace", "url"];

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    // Every Application of a set has the same mistake.
    let mut seen = BTreeSet::new();
    for app in &repository.apps {
        let Some(application) = &app.app.application else { continue };
        for problem in &application.problems {
            let Some(span) = problem.span.filter(|span| seen.insert(*span)) else { continue };
            let written = repository.files.sources.file(span.file).slice(span).to_owned();
            let (message, label, help) = words(&problem.reason, written.trim());
            findings.about(Some(app), Some(&application.object));
            let finding = findings.report(span, message);
            finding.label(label);
            if let Some(help) = help {
                finding.help(help);
            }
        }
    }
}

/// Message, label and help for what Go says of a part of a template.
fn words(reason: &str, written: &str) -> (String, &'static str, Option<String>) {
    const CONSEQUENCE: &str = "the ApplicationSet makes no Application and changes none";
    const LABEL: &str = "not a Go template";
    let key = reason.strip_prefix("map has no entry for key ").map(|key| key.trim_matches('"'));
    let function = reason.strip_prefix("function ").and_then(|rest| rest.strip_suffix(" not defined"));
    match (key, function.map(|name| name.trim_matches('"'))) {
        _ if reason == NO_VALUE => (
            format!("no generator gives `{written}` here, so Go writes `{NO_VALUE}` in its place"),
            "not among the parameters",
            Some(
                "mend the name, or give the parameter; `goTemplateOptions: [missingkey=error]` stops at such names"
                    .into(),
            ),
        ),
        (Some(key), _) => (
            format!("no generator gives `{key}` here, and with `missingkey=error` that is an error: {CONSEQUENCE}"),
            "not among the parameters",
            Some(format!("mend the name, or let it be absent with `dig \"{key}\" \"\" .` or `if hasKey . \"{key}\"`")),
        ),
        (_, Some(name)) if PARAMETERS.contains(&name) => {
            let of_path = if name == "path" { ", or `.path.path`" } else { "" };
            (
                format!("to a Go template `{name}` is a function, and there is none of this name: {CONSEQUENCE}"),
                LABEL,
                Some(format!("write `.{name}`{of_path}")),
            )
        }
        _ if reason.starts_with("bad character U+002D") && written.starts_with('.') => {
            let (before, name) = written.rsplit_once('.').unwrap_or(("", written));
            let of = if before.is_empty() { "." } else { before };
            (
                format!(
                    "a field of a Go template has no `-`, so the template can't be parsed for `{written}`: {CONSEQUENCE}"
                ),
                LABEL,
                Some(format!("write `index {of} \"{name}\"`, or give the parameter a name without `-`")),
            )
        }
        _ => (format!("Go stops at this template with `{reason}`: {CONSEQUENCE}"), LABEL, None),
    }
}
