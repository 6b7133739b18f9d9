//! See `rules/topolvm/topolvm-scheduler-extender-unconfigured.md`.

use crate::helm::Release;
use crate::repository::{BuiltApp, Repository};
use crate::rules::charts::{Setting, Values};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Release(check);

/// The value that makes the webhook write the marker into pods.
const WEBHOOK: &str = "webhook.podMutatingWebhook.enabled";

fn check(release: &Release, _: &BuiltApp, repository: &Repository, findings: &mut Findings<'_>) {
    if release.chart.name != "topolvm" {
        return;
    }
    let Some(values) = Values::of(release) else { return };
    let webhook = values.get(WEBHOOK);
    if webhook.bool() != Some(true) {
        return;
    }
    let legacy = values.get("useLegacy").bool();
    let resource = if legacy == Some(true) { "topolvm.cybozu.com/capacity" } else { "topolvm.io/capacity" };
    if legacy.is_none() || extender_is_configured(repository, resource) {
        return;
    }
    let version = release.chart.version.as_deref().unwrap_or_default();
    let (span, why) = match webhook {
        Setting::Written(node) => (node.span, "with its pod webhook on, TopoLVM".to_owned()),
        _ => (release.version_span.unwrap_or(release.chart_span), format!("by default, TopoLVM {version}")),
    };
    let message = format!(
        "{why} makes each pod with a new volume ask for `{resource}`, which only a scheduler extender can account for, and \
         none is configured in this repository: such pods stay Pending, \"Insufficient {resource}\""
    );
    let finding = findings.report(span, message);
    if let Setting::Written(node) = values.get("scheduler.enabled") {
        finding.related(node.span, "the extender itself is switched here; kube-scheduler must also be told to call it");
    }
    if let Setting::Written(node) = values.get("controller.storageCapacityTracking.enabled") {
        finding.related(node.span, "storage capacity tracking is switched here");
    }
    finding.help(
        "let Kubernetes itself watch the room on the nodes: write `scheduler: {enabled: false}`, `controller: \
         {storageCapacityTracking: {enabled: true}}` and `webhook: {podMutatingWebhook: {enabled: false}}`, or use chart \
         13.0.0 or newer, where this is the default",
    );
}

/// Extensions of files that nothing runs by: documents, and files that were put away.
const NOT_IN_USE: [&str; 7] = ["adoc", "bak", "disabled", "md", "old", "rst", "txt"];

/// Whether any file configures kube-scheduler to call an extender for the resource: a KubeSchedulerConfiguration, on its
/// own, in a Talos machine configuration or in a template of Ansible. Comments configure nothing.
fn extender_is_configured(repository: &Repository, resource: &str) -> bool {
    let files = repository.files.sources.files();
    let mut files = files.iter().filter(|file| !file.path.extension().is_some_and(|own| NOT_IN_USE.contains(&own)));
    files.any(|file| {
        let wanted = ["extenders", "managedResources", resource];
        file.text().is_some_and(|text| {
            let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
            wanted.iter().all(|word| text.contains(word))
                && wanted.iter().all(|word| lines.clone().any(|line| line.contains(word)))
        })
    })
}
