//! See `rules/argocd/argocd-application-namespace.md`.

use std::collections::BTreeSet;

use super::projects::{Projects, applications};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let projects = Projects::of(repository);
    if watches_more(repository, &projects) {
        return;
    }
    let mut homes: BTreeSet<&str> = projects.all().map(|project| project.id.namespace.as_str()).collect();
    for app in &repository.apps {
        let runs_argo = app.releases.iter().any(|release| release.chart.name.contains("argo"));
        let holds_applications = app.objects.iter().any(|object| object.id.is("argoproj.io", "Application"));
        if runs_argo || holds_applications {
            homes.insert(&app.app.destination.namespace);
        }
        homes.extend(app.releases.iter().filter(|_| runs_argo).map(|release| release.namespace.as_str()));
    }
    for (app, application) in applications(repository) {
        // The controller of ApplicationSets overwrites the namespace with its own.
        if application.is_generated {
            continue;
        }
        let Some(node) = application.object.root.at(&["metadata", "namespace"]) else { continue };
        let Some(namespace) = node.as_text() else { continue };
        // The usual slip is to write where the app is deployed to in place of where the Application lives.
        let is_destination = namespace == app.app.destination.namespace;
        let is_argo = namespace.contains("argo") || namespace.contains("gitops") || homes.contains(namespace);
        if !is_destination || is_argo {
            continue;
        }
        let message = format!(
            "Application `{}` lies in the namespace `{namespace}` that it deploys to, where Argo CD does not look for \
             Applications: nothing is ever synced, and nothing says so",
            app.app.name
        );
        findings.about(Some(app), None);
        findings
            .report(node.span, message)
            .label("not the namespace of Argo CD")
            .help("write the namespace that Argo CD runs in, such as `argocd`; `spec.destination.namespace` says where to deploy");
    }
}

/// Whether Argo CD is told to look for Applications in other namespaces too.
fn watches_more(repository: &Repository, projects: &Projects<'_>) -> bool {
    let has = |node: Option<&Node>| node.is_some_and(|node| !node.is_null());
    let mut releases = repository.apps.iter().flat_map(|app| &app.releases);
    let mut parameters = repository.inventory.config_maps("argocd-cmd-params-cm");
    projects.all().any(|project| has(project.root.at(&["spec", "sourceNamespaces"])))
        || parameters.any(|map| has(map.root.at(&["data", "application.namespaces"])))
        || releases.any(|release| has(release.values.at(&["configs", "params", "application.namespaces"])))
}
