//! See `rules/container/container-cpu-limit-too-low.md`.

use super::limits::{CpuLimit, Owner, of_object, of_release};
use crate::finding::{Finding, Severity};
use crate::gitops::SourceKind;
use crate::kubernetes::{Object, Pod, Quantity};
use crate::kustomize::{Problem, ProblemKind};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::{Action, Node};

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, _: &'a Repository, findings: &mut Findings<'a>) {
    let Some(minimum) = findings.quantity("minimum") else { return };
    for object in &app.objects {
        let mut limits = of_object(object, false);
        limits.retain(|limit| throttling(limit, minimum).is_some());
        // A patch that was to change this object and stops the build is the mistake to mend first.
        let patch_fails = |problem: &Problem| {
            matches!(problem.kind, ProblemKind::PatchNoMatch | ProblemKind::PatchPathMissing)
                && problem.upstream.is_some()
        };
        if limits.is_empty() || aimed_at(object, app).any(patch_fails) {
            continue;
        }
        findings.about(Some(app), Some(object));
        for limit in limits {
            if let Some(finding) = judge(&limit, &object.id.to_string(), minimum, findings) {
                explain(finding, &limit, object, app);
            }
        }
    }
    findings.about(Some(app), None);
    for release in &app.releases {
        for limit in of_release(release, false) {
            if let Some(finding) = judge(&limit, &format!("chart {}", release.chart.name), minimum, findings) {
                finding.help(format!("remove the limit and keep the request, or allow {minimum} cores or more"));
            }
        }
    }
}

/// The limit, if it is too low. Zero means no limit.
fn throttling(limit: &CpuLimit<'_>, minimum: Quantity) -> Option<Quantity> {
    let amount = Quantity::of(limit.limit)?.ok()?;
    (amount < minimum && amount > Quantity::from_milli(0)).then_some(amount)
}

fn judge<'f>(
    limit: &CpuLimit<'_>,
    of: &str,
    minimum: Quantity,
    findings: &'f mut Findings<'_>,
) -> Option<&'f mut Finding> {
    let amount = throttling(limit, minimum)?;
    // The kubelet never sets a quota below one millisecond.
    let share = amount.times(100).max(Quantity::from_milli(1000));
    let written = limit.limit.as_text().unwrap_or_default();
    let message = format!(
        "{} may run for {share} ms in every 100 ms (CPU limit {written}) and stands still for the rest. Expect slow \
         answers, failing probes, and the alert CPUThrottlingHigh",
        limit.owner.subject(of)
    );
    let finding = findings.report(limit.limit.span, message).label(format!("{share} ms per 100 ms"));
    // Equal request and limit make a pod of the class Guaranteed, which somebody may have wanted.
    if limit.request.and_then(Quantity::of) == Some(Ok(amount)) {
        finding.severity(Severity::Info);
    }
    Some(finding)
}

/// Says how the limit is reached, and which patch was meant to.
fn explain(finding: &mut Finding, limit: &CpuLimit<'_>, object: &Object, app: &BuiltApp) {
    let is_built = app.app.sources.iter().any(|source| matches!(source.kind, SourceKind::Kustomize { .. }));
    let advice = "remove the limit and keep the request, or raise it";
    finding.help(match patch(limit, object).filter(|_| is_built) {
        Some(patch) => {
            format!("{advice}. If the file is a vendor's, leave it alone and patch the container by name:\n{patch}")
        }
        None => advice.to_owned(),
    });
    for problem in aimed_at(object, app) {
        match problem.kind {
            ProblemKind::PatchNoMatch => {
                finding.related(problem.span, "this patch was meant for it, but selects nothing")
            }
            ProblemKind::PatchAppendsElement => {
                finding.related(problem.span, "this patch was meant for it, but names another container")
            }
            _ => continue,
        };
    }
}

/// Problems of patches that have to do with the object.
fn aimed_at<'a>(object: &'a Object, app: &'a BuiltApp) -> impl Iterator<Item = &'a Problem> {
    let name = object.name_span();
    let containers: Vec<Span> = Pod::of(object)
        .into_iter()
        .flat_map(Pod::containers)
        .filter_map(|container| Some(container.node.get("name")?.span))
        .collect();
    let concerns = move |span: &Span| *span == name || containers.contains(span);
    app.problems.iter().filter(move |problem| problem.related.iter().any(|(span, _)| concerns(span)))
}

/// A strategic merge patch that takes the limit away.
fn patch(limit: &CpuLimit<'_>, object: &Object) -> Option<String> {
    let Owner::Container(container) = limit.owner else { return None };
    let pod = Pod::of(object)?;
    let list = pod
        .containers()
        .find(|other| other.resource("limits", "cpu").is_some_and(|cpu| cpu.span == limit.limit.span))?;
    // Patches run before the kustomization's `namespace:`, so they see the namespace that was there before it.
    let namespace = object.root.at(&["metadata", "namespace"]);
    let set =
        namespace.and_then(|node| node.history.changes().iter().find(|change| change.action == Action::Namespaced));
    let namespace = match set {
        Some(change) => change.before.as_ref(),
        None => namespace,
    };
    let namespace = namespace.and_then(Node::as_text);
    let namespace = namespace.map(|namespace| format!(", namespace: {namespace}")).unwrap_or_default();
    let open: String = pod.path.iter().map(|key| format!("{{{key}: ")).collect();
    let close = "}".repeat(pod.path.len());
    let body = format!("{{{}: [{{name: {container}, resources: {{limits: {{cpu: null}}}}}}]}}", list.kind.field());
    let path = format!("{open}{body}{close}");
    let path = path.strip_prefix('{').and_then(|path| path.strip_suffix('}')).unwrap_or(&path).to_owned();
    Some(format!(
        "apiVersion: {}\nkind: {}\nmetadata: {{name: {}{namespace}}}\n{path}",
        object.id.api_version(),
        object.id.kind,
        object.id.name,
    ))
}
