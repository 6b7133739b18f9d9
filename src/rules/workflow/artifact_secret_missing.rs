//! See `rules/workflow/workflow-artifact-secret-missing.md`.

use std::collections::BTreeMap;

use super::secrets::Secrets;
use super::workflows::{self, Workflow};
use crate::references;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let releases = repository.apps.iter().flat_map(|app| app.releases.iter().map(move |release| (app, release)));
    let mut stores = releases
        .filter(|(_, release)| release.chart.name == "argo-workflows")
        .filter_map(|(app, release)| Some((app, release.values.get("artifactRepository")?)))
        .peekable();
    if stores.peek().is_none() {
        return;
    }
    let known = Secrets::of(repository);
    for (app, store) in stores {
        let archives = store.get("archiveLogs").and_then(Node::as_bool) == Some(true);
        // The namespaces that keep artifacts, each with one of its workflows.
        let mut users: BTreeMap<&str, Workflow<'_>> = BTreeMap::new();
        for workflow in workflows::all(repository).filter(|workflow| keeps(*workflow, archives)) {
            users.entry(workflow.namespace).or_insert(workflow);
        }
        users.remove("");
        for (name, node) in secrets(store) {
            let Some(there) = known.namespaces(name) else { continue };
            for (namespace, workflow) in &users {
                let is_there = there.contains(*namespace) || repository.config.is_external("Secret", namespace, name);
                if there.is_empty() || is_there {
                    continue;
                }
                let has = there.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                findings.about(Some(app), None);
                let message = format!(
                    "workflows keep their artifacts with Secret `{name}` of their own namespace, and {} runs in `{namespace}`, \
                     which has none (only {has}): its steps fail when they save logs or outputs",
                    workflow.object.id
                );
                findings
                    .report(node.span, message)
                    .label(format!("not in `{namespace}`"))
                    .related(workflow.object.name_span(), format!("runs in `{namespace}`"))
                    .help(format!(
                        "add the Secret to `{namespace}` too, or keep artifacts there with another repository"
                    ));
            }
        }
    }
}

/// Whether pods of the workflow write to the default artifact repository.
fn keeps(workflow: Workflow<'_>, archives: bool) -> bool {
    let spec = workflow.spec;
    if spec.get("artifactRepositoryRef").is_some() {
        return false;
    }
    let archives = spec.get("archiveLogs").map_or(archives, |own| own.as_bool() == Some(true));
    let templates = spec.get("templates").map(Node::items).unwrap_or_default();
    let runs = templates.iter().any(|template| {
        ["container", "script", "containerSet"].iter().any(|kind| template.get(kind).is_some())
            && template.at(&["archiveLocation", "archiveLogs"]).is_none()
    });
    archives && runs
}

/// The Secrets that the store is opened with, each at the first place that names it.
fn secrets(store: &Node) -> Vec<(&str, &Node)> {
    let mut found: Vec<(&str, &Node)> = Vec::new();
    let kinds = ["s3", "gcs", "azure", "oss"].into_iter().filter_map(|kind| store.get(kind));
    for entry in kinds.flat_map(Node::entries).filter(|entry| entry.key.text.ends_with("Secret")) {
        let Some((name, node)) = entry.value.get("name").and_then(|node| Some((node.as_text()?, node))) else {
            continue;
        };
        if references::is_settled(name) && !found.iter().any(|(known, _)| *known == name) {
            found.push((name, node));
        }
    }
    found
}
