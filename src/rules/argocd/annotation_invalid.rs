//! See `rules/argocd/argocd-annotation-invalid.md`.

use super::sync_option_unknown::OPTIONS;
use crate::finding::nearest;
use crate::gitops::Declared;
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::{Entry, Node};

pub(crate) const CHECK: Check = Check::Object(check);

const PREFIX: &str = "argocd.argoproj.io/";

/// Annotations that Argo CD reads (its documentation, "Annotations and Labels used by Argo CD").
const ANNOTATIONS: [&str; 13] = [
    "application-set-refresh",
    "compare-options",
    "hook",
    "hook-delete-policy",
    "ignore-default-links",
    "ignore-healthcheck",
    "ignore-resource-updates",
    "manifest-generate-paths",
    "refresh",
    "skip-reconcile",
    "sync-options",
    "sync-wave",
    "tracking-id",
];

const HOOKS: [&str; 7] = ["PreSync", "Sync", "PostSync", "SyncFail", "Skip", "PreDelete", "PostDelete"];
const DELETE_POLICIES: [&str; 3] = ["HookSucceeded", "HookFailed", "BeforeHookCreation"];
const COMPARE_OPTIONS: [&str; 3] = ["IgnoreExtraneous", "IncludeMutationWebhook", "ServerSideDiff"];

fn check(object: &Object, app: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    // Where Flux deploys, what is left of Argo CD has no effect, right or wrong.
    if let Declared::FluxKustomization(_) | Declared::FluxHelmRelease(_) = app.app.declared {
        return;
    }
    for entry in object.root.at(&["metadata", "annotations"]).map(Node::entries).unwrap_or_default() {
        let Some(name) = entry.key.text.strip_prefix(PREFIX) else { continue };
        let Some(value) = entry.value.as_text().filter(|text| !text.contains(['{', '$'])) else { continue };
        let parts = || value.split(',').map(str::trim).filter(|part| !part.is_empty());
        let option = |part: &str| part.split('=').next().unwrap_or_default().to_owned();
        match name {
            "hook" => {
                if let Some(wrong) = parts().find(|part| !HOOKS.contains(part)) {
                    let effect = "the object belongs to no phase by this word, and is not applied in it";
                    tell(entry, "hook phase", wrong, effect, &HOOKS, findings);
                }
            }
            "hook-delete-policy" => {
                if let Some(wrong) = parts().find(|part| !DELETE_POLICIES.contains(part)) {
                    let effect = "the hook is deleted only before it runs again, as without the annotation";
                    tell(entry, "delete policy", wrong, effect, &DELETE_POLICIES, findings);
                }
            }
            "sync-wave" if value.trim().parse::<i64>().is_err() => {
                let message =
                    format!("a sync wave is a whole number, and `{value}` is none: Argo CD takes it for wave 0");
                findings.report(entry.value.span, message).label("wave 0").help("write a number in quotes");
            }
            "sync-options" => {
                if let Some(wrong) = parts().find(|part| !OPTIONS.contains(&option(part).as_str())) {
                    tell(entry, "sync option", &option(wrong), "it has no effect", &OPTIONS, findings);
                }
            }
            "compare-options" => {
                if let Some(wrong) = parts().find(|part| !COMPARE_OPTIONS.contains(&option(part).as_str())) {
                    tell(entry, "compare option", &option(wrong), "it has no effect", &COMPARE_OPTIONS, findings);
                }
            }
            // Others write annotations under this prefix too, so only a slip is told.
            name if !ANNOTATIONS.contains(&name) => unknown(entry, name, findings),
            _ => {}
        }
    }
}

fn tell(entry: &Entry, what: &str, wrong: &str, effect: &str, known: &[&str], findings: &mut Findings<'_>) {
    let message = format!("Argo CD knows no {what} `{wrong}`: {effect}");
    let finding = findings.report(entry.value.span, message);
    finding.label("no effect");
    // The names that Helm, or an older habit, has for the same things.
    let meant = match wrong {
        "OnSuccess" | "hook-succeeded" => Some("HookSucceeded"),
        "OnFailure" | "OnFail" | "hook-failed" => Some("HookFailed"),
        "before-hook-creation" => Some("BeforeHookCreation"),
        "pre-sync" | "presync" => Some("PreSync"),
        "post-sync" | "postsync" => Some("PostSync"),
        _ => known.iter().copied().find(|name| name.eq_ignore_ascii_case(wrong)),
    };
    match meant.or_else(|| nearest(wrong, known.iter().copied())) {
        Some(meant) if known.contains(&meant) => finding.help(format!("did you mean `{meant}`?")),
        _ => finding.help(format!("write one of {}", known.join(", "))),
    };
}

fn unknown(entry: &Entry, name: &str, findings: &mut Findings<'_>) {
    let meant = match name {
        // Helm's annotation; Argo CD orders hooks by waves.
        "hook-weight" => Some("sync-wave"),
        "hook-deletion-policy" => Some("hook-delete-policy"),
        _ => nearest(name, ANNOTATIONS),
    };
    let Some(meant) = meant else { return };
    let message = format!("Argo CD reads no annotation `{PREFIX}{name}`, so it has no effect");
    findings
        .report(entry.key.span, message)
        .label("nobody reads this")
        .help(format!("did you mean `{PREFIX}{meant}`?"));
}
