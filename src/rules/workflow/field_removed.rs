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
            for (key, message, help) in removed(object) {
                findings.about(Some(app), Some(object));
                let finding = findings.report(key, message).label("removed in 4.0");
                finding.related(installed, "the controller is of this release").help(help);
            }
        }
    }
}

/// The fields of an object that the release does not read: the key, what comes of it, and what to write.
fn removed(object: &Object) -> Vec<(Span, String, String)> {
    let mut found = Vec::new();
    let spec = match object.id.kind.as_str() {
        "CronWorkflow" => {
            if let Some(schedule) = object.root.get("spec").and_then(|spec| entry(spec, "schedule")) {
                let message =
                    format!("Argo Workflows 4 reads `schedules` only, so {} has no schedule and never runs", object.id);
                found.push((
                    schedule.key.span,
                    message,
                    "write it as the only item of the list `schedules`".to_owned(),
                ));
            }
            object.root.at(&["spec", "workflowSpec"])
        }
        "Workflow" | "WorkflowTemplate" | "ClusterWorkflowTemplate" => object.root.get("spec"),
        _ => None,
    };
    let Some(spec) = spec else { return found };
    let templates = spec.get("templates").map(Node::items).unwrap_or_default();
    for place in std::iter::once(spec).chain(templates) {
        for (field, list) in [("mutex", "mutexes"), ("semaphore", "semaphores")] {
            let Some(lock) = place.get("synchronization").and_then(|locks| entry(locks, field)) else { continue };
            let message = format!(
                "Argo Workflows 4 reads `{list}` only, so {} runs without this lock, beside others that hold it",
                object.id
            );
            found.push((lock.key.span, message, format!("write it as an item of the list `{list}`")));
        }
    }
    if let Some(priority) = entry(spec, "podPriority") {
        let message = format!(
            "Argo Workflows 4 does not read `podPriority`, so the pods of {} get the default priority",
            object.id
        );
        found.push((priority.key.span, message, "name a PriorityClass in `podPriorityClassName`".to_owned()));
    }
    found
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
