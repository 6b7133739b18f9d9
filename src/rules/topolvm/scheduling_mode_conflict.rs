//! See `rules/topolvm/topolvm-scheduling-mode-conflict.md`.

use crate::helm::Release;
use crate::repository::{BuiltApp, Repository};
use crate::rules::charts::{Setting, Values};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Release(check);

fn check(release: &Release, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    if release.chart.name != "topolvm" {
        return;
    }
    let Some(values) = Values::of(release) else { return };
    let extender = values.get("scheduler.enabled");
    let tracking = values.get("controller.storageCapacityTracking.enabled");
    let webhook = values.get("webhook.podMutatingWebhook.enabled");
    let known = (extender.bool(), tracking.bool(), webhook.bool());
    let (Some(extends), Some(tracks), Some(marks)) = known else { return };
    let message = match (extends, tracks, marks) {
        (_, false, false) => {
            "nobody looks at the room on the nodes: neither storage capacity tracking nor the pod webhook of TopoLVM is on, so \
             pods are sent to nodes without space, and their volumes are never made"
        }
        (true, true, false) => {
            "the scheduler extender of TopoLVM runs, but with the pod webhook off no pod ever asks for it; storage capacity \
             tracking does its work"
        }
        _ => return,
    };
    let written = [tracking, webhook, extender].into_iter().find_map(Setting::span);
    let finding = findings.report(written.or(release.version_span).unwrap_or(release.chart_span), message);
    for (setting, name) in [(extender, "scheduler"), (tracking, "capacity tracking"), (webhook, "webhook")] {
        if let Some(span) = setting.span().filter(|span| Some(*span) != written) {
            finding.related(span, format!("the {name} is switched here"));
        }
    }
    finding.help(
        "write `scheduler: {enabled: false}`, `controller: {storageCapacityTracking: {enabled: true}}` and `webhook: \
         {podMutatingWebhook: {enabled: false}}`",
    );
    if extends && tracks {
        finding.severity(crate::finding::Severity::Info);
    }
}
