//! See `rules/workflow/workflow-field-removed.md`.

use semver::Version;

use super::workflows::GROUP;
use crate::kubernetes::{Object, Pod};
use crate::repository::Repository;
use crate::rules::{Check, Findings, charts};
use crate::source::Span;
use crate::yaml::{Entry, Node};

pub(crate) const CHECK: Check = Check::Repository(check);

/// The first release of the chart whose controller is of release 4. Source: argo-helm, releases of argo-workflows.
const CHART: Version = Version::new(1, 0, 0);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let Some(installed) = controller(repository) else { return };
    for app in &repository.apps {
        for object in app.objects.iter().filter(|object| object.id.group == GROUP) {
            let spec = match object.id.kind.as_str() {
                "CronWorkflow" => {
                    if let Some(schedule) = object.root.get("spec").and_then(|spec| entry(spec, "schedule")) {
                        findings.about(Some(app), Some(object));
                        let message = format!(
                            "Argo Workflows 4 reads `schedules` only, so {} has no schedule and never runs",
                            object.id
                        );
                        findings
                            .report(schedule.key.span, message)
                            .label("removed in 4.0")
                            .related(installed, "the controller is of this release")
                            .help("write it as the only item of the list `schedules`");
                    }
                    object.root.at(&["spec", "workflowSpec"])
                }
                "Workflow" | "WorkflowTemplate" | "ClusterWorkflowTemplate" => object.root.get("spec"),
                _ => None,
            };
            let Some(spec) = spec else { continue };
            let templates = spec.get("templates").map(Node::items).unwrap_or_default();
            for place in std::iter::once(spec).chain(templates) {
                for (field, list) in [("mutex", "mutexes"), ("semaphore", "semaphores")] {
                    let lock = place.get("synchronization").and_then(|locks| entry(locks, field));
                    let Some(lock) = lock else { continue };
                    findings.about(Some(app), Some(object));
                    let message = format!(
                        "Argo Workflows 4 reads `{list}` only, so {} runs without this lock, beside others that hold it",
                        object.id
                    );
                    findings
                        .report(lock.key.span, message)
                        .label("removed in 4.0")
                        .related(installed, "the controller is of this release")
                        .help(format!("write it as an item of the list `{list}`"));
                }
            }
            if let Some(priority) = entry(spec, "podPriority") {
                findings.about(Some(app), Some(object));
                let message = format!(
                    "Argo Workflows 4 does not read `podPriority`, so the pods of {} get the default priority",
                    object.id
                );
                findings
                    .report(priority.key.span, message)
                    .label("removed in 4.0")
                    .related(installed, "the controller is of this release")
                    .help("name a PriorityClass in `podPriorityClassName`");
            }
        }
    }
}

fn entry<'a>(node: &'a Node, key: &str) -> Option<&'a Entry> {
    node.as_mapping()?.entry(key).filter(|entry| !entry.value.is_null())
}

/// Where the repository installs a controller of release 4; `None` if it may run an older one too.
fn controller(repository: &Repository) -> Option<Span> {
    let mut installed = None;
    for app in &repository.apps {
        for release in app.releases.iter().filter(|release| release.chart.name == "argo-workflows") {
            let tags = [release.values.at(&["images", "tag"]), release.values.at(&["controller", "image", "tag"])];
            let tag = tags.into_iter().flatten().find_map(Node::as_text).filter(|tag| !tag.is_empty());
            let is_new = match tag {
                Some(tag) => major(tag)? >= 4,
                None => charts::version(release)? >= CHART,
            };
            installed = Some(release.version_span.unwrap_or(release.chart_span)).filter(|_| is_new);
            installed?;
        }
        for object in app.objects.iter().filter(|object| object.id.is("apps", "Deployment")) {
            if let Some((image, tag)) = image_of(object) {
                installed = Some(image.span).filter(|_| major(tag).is_some_and(|major| major >= 4));
                installed?;
            }
        }
    }
    installed
}

/// The image of the controller, and its tag.
fn image_of(object: &Object) -> Option<(&Node, &str)> {
    let pod = Pod::of(object)?;
    pod.containers().find_map(|container| {
        let image = container.node.get("image")?;
        let name = image.as_text()?.split('@').next()?.rsplit('/').next()?;
        Some((image, name.strip_prefix("workflow-controller:")?))
    })
}

fn major(tag: &str) -> Option<u64> {
    tag.strip_prefix('v').unwrap_or(tag).split('.').next()?.parse().ok()
}
