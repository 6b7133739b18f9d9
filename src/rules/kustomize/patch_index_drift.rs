//! See `rules/kustomize/kustomize-patch-index-drift.md`.

use crate::kubernetes::{Container, Object, Pod, Quantity};
use crate::kustomize::{Problem, ProblemKind};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Removed;

pub(crate) const CHECK: Check = Check::App(check);

/// Limits below this throttle whatever runs in the container; see `container-cpu-limit-too-low`.
const THROTTLES_MILLI: i64 = 50;

fn check<'a>(app: &'a BuiltApp, _: &'a Repository, findings: &mut Findings<'a>) {
    let by_index: Vec<&Problem> =
        app.problems.iter().filter(|problem| problem.kind == ProblemKind::PatchIndexUnguarded).collect();
    if by_index.is_empty() {
        return;
    }
    for object in &app.objects {
        let Some(pod) = Pod::of(object) else { continue };
        findings.about(Some(app), Some(object));
        for container in pod.containers() {
            let Some(removed) = removed_limit(container) else { continue };
            let Some(problem) = by_index.iter().find(|problem| removed.by.holds(problem.span)) else { continue };
            report(object, pod, container, removed, problem.span, findings);
        }
    }
}

/// The CPU limit that a patch took from a container.
fn removed_limit(container: Container<'_>) -> Option<&Removed> {
    let limits = container.node.at(&["resources", "limits"])?.as_mapping()?;
    limits.removed().iter().rfind(|removed| removed.key.text == "cpu" && limits.get("cpu").is_none())
}

fn report(
    object: &Object,
    pod: Pod<'_>,
    container: Container<'_>,
    removed: &Removed,
    path: Span,
    findings: &mut Findings<'_>,
) {
    let Some(Ok(gone)) = Quantity::of(&removed.value) else { return };
    let others = pod.containers().filter(|other| other.kind == container.kind && other.index != container.index);
    let left = others.filter_map(|other| Some((other, other.resource("limits", "cpu")?)));
    let throttled = left.filter(|(_, limit)| {
        let Some(Ok(amount)) = Quantity::of(limit) else { return false };
        amount < gone && amount < Quantity::from_milli(THROTTLES_MILLI) && amount > Quantity::from_milli(0)
    });
    for (other, limit) in throttled {
        let (name, meant) = (container.name().unwrap_or("?"), other.name().unwrap_or("?"));
        let written = limit.as_text().unwrap_or_default();
        let message = format!(
            "this takes the CPU limit of `{name}` ({}) away, while `{meant}` of {} keeps one of {written}: most likely the \
             containers stood in another order when the patch was written",
            removed.value.as_text().unwrap_or_default(),
            object.id
        );
        findings
            .report(path, message)
            .label(format!("means `{name}` now"))
            .related(removed.value.span, "the limit that is gone")
            .related(limit.span, "the limit that stays")
            .help(format!(
                "name the container: use a strategic merge patch, or put `{{op: test, path: {}/name, value: {meant}}}` first \
                 and use that index",
                pod.pointer(other)
            ));
    }
}
