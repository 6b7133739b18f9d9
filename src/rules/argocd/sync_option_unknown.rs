//! See `rules/argocd/argocd-sync-option-unknown.md`.

use crate::finding::nearest;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::App(check);

/// The options that Argo CD knows (its documentation, "Sync Options").
pub(super) const OPTIONS: [&str; 15] = [
    "ApplyOutOfSyncOnly",
    "ClientSideApplyMigration",
    "CreateNamespace",
    "Delete",
    "FailOnSharedResource",
    "Force",
    "Prune",
    "PruneLast",
    "PrunePropagationPolicy",
    "Replace",
    "RespectIgnoreDifferences",
    "ServerSideApply",
    "SkipDryRunOnMissingResource",
    "SkipSchemaValidation",
    "Validate",
];

fn check<'a>(app: &'a BuiltApp, _repository: &'a Repository, findings: &mut Findings<'a>) {
    let Some(application) = &app.app.application else { return };
    for node in application.spec(&["syncPolicy", "syncOptions"]).map(Node::items).unwrap_or_default() {
        let Some(text) = node.as_str() else { continue };
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        if OPTIONS.contains(&name) && !value.is_empty() {
            continue;
        }
        let message = match OPTIONS.contains(&name) {
            true => format!("the sync option `{name}` has no value, so Argo CD passes over it without a word"),
            false => format!("Argo CD knows no sync option `{name}`, and passes over it without a word"),
        };
        let same_word = OPTIONS.into_iter().find(|known| known.eq_ignore_ascii_case(name));
        let finding = findings.report(application.written_at(node), message);
        finding.label("no effect");
        match (same_word.or_else(|| nearest(name, OPTIONS)), name) {
            (Some(known), _) if known == name => finding.help(format!("write `{name}=true`")),
            (Some(known), _) => finding.help(format!("did you mean `{known}`?")),
            (None, "ServerSideDiff" | "IncludeMutationWebhook" | "IgnoreExtraneous") => finding.help(format!(
                "this is a compare option: write `argocd.argoproj.io/compare-options: {text}` as an annotation of the \
                 Application"
            )),
            (None, _) => finding.help("take the option out, or write one that Argo CD knows"),
        };
    }
}
