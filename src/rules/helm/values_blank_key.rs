//! See `rules/helm/helm-values-blank-key.md`.

use super::DEEPEST;
use crate::helm::Release;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::{Action, Node};

pub(crate) const CHECK: Check = Check::Release(check);

/// Settings that are named in the message.
const MOST_NAMES: usize = 3;

fn check(release: &Release, _: &BuiltApp, repository: &Repository, findings: &mut Findings<'_>) {
    walk(&release.values, release, 0, repository, findings);
}

fn walk(node: &Node, release: &Release, depth: usize, repository: &Repository, findings: &mut Findings<'_>) {
    if depth > DEEPEST {
        return;
    }
    if let Some(mapping) = node.as_mapping() {
        for removed in mapping.removed() {
            tell(&removed.key.text, removed.by, &removed.value, release, repository, findings);
        }
    }
    for entry in node.entries() {
        if entry.value.is_null() {
            let replaced = entry.value.history.changes().iter().rev();
            let before =
                replaced.filter(|change| change.action == Action::Replaced).find_map(|change| change.before.as_ref());
            if let Some(before) = before {
                tell(&entry.key.text, entry.key.span.to(entry.value.span), before, release, repository, findings);
            }
        } else {
            walk(&entry.value, release, depth + 1, repository, findings);
        }
    }
}

/// Speaks of a key without a value whose earlier value was a map or list with something in it. Who writes `null` means it.
fn tell(key: &str, by: Span, before: &Node, release: &Release, repository: &Repository, findings: &mut Findings<'_>) {
    let written = repository.files.sources.file(by.file);
    if before.entries().is_empty() && before.items().is_empty() || !written.slice(by).trim_end().ends_with(':') {
        return;
    }
    let names: Vec<String> =
        before.entries().iter().take(MOST_NAMES).map(|entry| format!("`{}`", entry.key.text)).collect();
    let lost = match before.items().len() {
        0 if before.entries().len() > MOST_NAMES => format!("{} and more", names.join(", ")),
        0 => names.join(", "),
        1 => "a list with 1 item".to_owned(),
        items => format!("a list with {items} items"),
    };
    let message = format!(
        "`{key}:` without a value is null, and null takes away what stood there before: {lost}. The chart {} gets none of it",
        release.chart.name
    );
    let finding = findings.report(by, message);
    finding.label("empties it").related(before.span, "this is lost");
    finding.help(match before.items() {
        [] => "comment the key out too, or write `{}`, which keeps what is there; write `null` if you mean it",
        _ => "comment the key out too, which keeps what is there; write `[]` if you mean it",
    });
}
