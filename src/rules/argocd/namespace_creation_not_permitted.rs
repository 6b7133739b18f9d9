//! See `rules/argocd/argocd-namespace-creation-not-permitted.md`.

use std::collections::BTreeSet;

use super::projects::{Projects, applications, permits_kind, place};
use crate::finding::Severity;
use crate::helm::Release;
use crate::kubernetes::Scope;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// Namespaces that every cluster has.
const ALWAYS_THERE: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let projects = Projects::of(repository);
    let mut there: BTreeSet<&str> =
        repository.objects_of("", "Namespace").map(|(_, object)| object.id.name.as_str()).collect();
    there.extend(ALWAYS_THERE);
    let creates = |application: &crate::gitops::Application| application.has_sync_option("CreateNamespace=true");
    let mut refused = Vec::new();
    for (app, application) in applications(repository).filter(|(_, application)| creates(application)) {
        let namespace = application.spec(&["destination", "namespace"]).and_then(Node::as_text);
        let Some(namespace) = namespace.filter(|namespace| !namespace.is_empty()) else { continue };
        let permits = |spec: &_| permits_kind(spec, Scope::Cluster, "", "Namespace", namespace);
        match projects.refusing(application, permits) {
            Some(project) => refused.push((app, application, project, namespace)),
            // Another app may make the namespace.
            None => {
                there.insert(namespace);
            }
        }
    }
    // Charts of the repository are not rendered, and what is not built may hold the namespace, too.
    let hides = repository.apps.iter().any(|app| {
        let brings_any = |release: &Release| release.chart.directory.is_some() || release.chart.name == "raw";
        !app.is_complete() || app.releases.iter().any(brings_any)
    });
    for (app, application, project, namespace) in refused {
        let options = application.spec(&["syncPolicy", "syncOptions"]).map(Node::items).unwrap_or_default();
        let option = options.iter().find(|option| option.as_str() == Some("CreateNamespace=true"));
        let (false, Some(option)) = (there.contains(namespace), option) else { continue };
        let name = &project.id.name;
        let message = format!(
            "`{}` is to create the namespace `{namespace}`, but AppProject `{name}` does not permit the kind Namespace: the \
             sync fails with \"resource :Namespace is not permitted in project {name}\"",
            app.app.name
        );
        findings.about(Some(app), None);
        let finding = findings.report(option.span, message);
        if hides {
            finding.severity(Severity::Warning);
        }
        finding
            .label("not permitted")
            .related(place(project, "clusterResourceWhitelist"), "lacks Namespace")
            .help(format!("add `{{group: '', kind: Namespace}}` to `clusterResourceWhitelist` of AppProject `{name}`"));
    }
}
