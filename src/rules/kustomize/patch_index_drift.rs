//! See `rules/kustomize/kustomize-patch-index-drift.md`.

use crate::kubernetes::{Container, Object, Pod, Quantity};
use crate::kustomize::{Problem, ProblemKind};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::{Action, Node};

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
            let Some(taken) = taken_limit(container) else { continue };
            let Some(problem) = by_index.iter().find(|problem| taken.by.holds(problem.span)) else { continue };
            report(object, pod, container, &taken, problem.span, findings);
        }
    }
}

/// A CPU limit that is no longer what it was.
struct Taken<'a> {
    /// What did it.
    by: Span,
    before: &'a Node,
    /// The limit that came in its place.
    now: Option<&'a Node>,
}

/// The CPU limit that a patch took from a container, alone or with the other limits, or replaced.
fn taken_limit(container: Container<'_>) -> Option<Taken<'_>> {
    let resources = container.node.get("resources")?;
    if let Some(limits) = resources.get("limits") {
        if let Some(now) = limits.get("cpu") {
            let change = now.history.changes().iter().rfind(|change| change.action == Action::Replaced)?;
            return Some(Taken { by: change.by, before: change.before.as_ref()?, now: Some(now) });
        }
        let gone = limits.as_mapping()?.removed().iter().rfind(|removed| removed.key.text == "cpu")?;
        return Some(Taken { by: gone.by, before: &gone.value, now: None });
    }
    let gone = resources.as_mapping()?.removed().iter().rfind(|removed| removed.key.text == "limits")?;
    Some(Taken { by: gone.by, before: gone.value.get("cpu")?, now: None })
}

fn report(
    object: &Object,
    pod: Pod<'_>,
    container: Container<'_>,
    taken: &Taken<'_>,
    path: Span,
    findings: &mut Findings<'_>,
) {
    let Some(Ok(gone)) = Quantity::of(taken.before) else { return };
    let others = pod.containers().filter(|other| other.kind == container.kind && other.index != container.index);
    let left = others.filter_map(|other| Some((other, other.resource("limits", "cpu")?)));
    let throttled = left.filter(|(_, limit)| {
        let Some(Ok(amount)) = Quantity::of(limit) else { return false };
        amount < gone && amount < Quantity::from_milli(THROTTLES_MILLI) && amount > Quantity::from_milli(0)
    });
    for (other, limit) in throttled {
        let (name, meant) = (container.name().unwrap_or("?"), other.name().unwrap_or("?"));
        let written = limit.as_text().unwrap_or_default();
        let was = taken.before.as_text().unwrap_or_default();
        let deed = match taken.now {
            None => format!("takes the CPU limit of `{name}` ({was}) away"),
            Some(now) => {
                format!("sets the CPU limit of `{name}` to {}, which was {was}", now.as_text().unwrap_or_default())
            }
        };
        let message = format!(
            "this {deed}, while `{meant}` of {} keeps one of {written}: most likely the \
             containers stood in another order when the patch was written",
            object.id
        );
        findings
            .report(path, message)
            .label(format!("means `{name}` now"))
            .related(taken.before.span, "the limit that is gone")
            .related(limit.span, "the limit that stays")
            .help(format!(
                "name the container: use a strategic merge patch, or put `{{op: test, path: {}/name, value: {meant}}}` first \
                 and use that index",
                pod.pointer(other)
            ));
    }
}
