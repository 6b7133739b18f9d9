//! See `rules/argocd/argocd-project-destination-not-permitted.md`.

use std::collections::BTreeMap;

use super::projects::{Cluster, Projects, applications, permits_destination, place, scope_of};
use crate::gitops::Application;
use crate::kubernetes::{Object, Scope};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let projects = Projects::of(repository);
    for (app, application) in applications(repository) {
        let namespace = application.spec(&["destination", "namespace"]);
        let Some(cluster) = Cluster::of(application) else { continue };
        // Objects without a namespace of their own get that of the application.
        let refused = match namespace {
            Some(node) if node.is_unknown() => None,
            node => {
                let text = node.and_then(Node::as_text).unwrap_or_default();
                projects.refusing(application, |spec| permits_destination(spec, cluster, text))
            }
        };
        findings.about(Some(app), None);
        if let Some(project) = refused {
            destination(application, namespace, project, app, findings);
            continue;
        }
        let mut others: BTreeMap<&str, Vec<&'a Object>> = BTreeMap::new();
        for object in &app.objects {
            let (id, own) = (&object.id, object.id.namespace.as_str());
            if !own.is_empty() && scope_of(repository, &id.group, &id.kind) == Some(Scope::Namespaced) {
                others.entry(own).or_default().push(object);
            }
        }
        for (own, objects) in others {
            let refused = projects.refusing(application, |spec| permits_destination(spec, cluster, own));
            let (Some(project), Some(first)) = (refused, objects.first()) else { continue };
            let count = match objects.len() {
                1 => String::new(),
                2 => " and one other object".to_owned(),
                more => format!(" and {} other objects", more - 1),
            };
            let name = &project.id.name;
            let message = format!(
                "AppProject `{name}` does not permit the namespace `{own}` of {}{count}, so each sync of `{}` fails",
                first.id, app.app.name
            );
            let span = first.root.at(&["metadata", "namespace"]).map_or(first.name_span(), |node| node.span);
            findings.about(Some(app), Some(first));
            findings
                .report(span, message)
                .label("not permitted")
                .related(place(project, "destinations"), "what the project permits")
                .help(format!(
                    "add the namespace to `destinations` of AppProject `{name}`, if the app may deploy there"
                ));
        }
    }
}

fn destination(
    application: &Application,
    namespace: Option<&Node>,
    project: &Object,
    app: &BuiltApp,
    findings: &mut Findings<'_>,
) {
    let name = &project.id.name;
    let key = application.key_span("destination").unwrap_or(application.object.name_span());
    let text = namespace.and_then(Node::as_text).filter(|text| !text.is_empty());
    let span = namespace.filter(|_| text.is_some()).map_or(key, |node| application.written_at(node));
    let (what, help) = match text {
        Some(text) => (
            format!("does not permit namespace `{text}` of this cluster"),
            format!("add the destination to AppProject `{name}`"),
        ),
        None => (
            "permits named namespaces only, and this destination names none".to_owned(),
            format!("name a namespace that AppProject `{name}` permits"),
        ),
    };
    let message = format!(
        "AppProject `{name}` {what}, so Argo CD refuses `{}` with an InvalidSpecError and syncs nothing of it",
        app.app.name
    );
    findings
        .report(span, message)
        .label("not permitted")
        .related(place(project, "destinations"), "what the project permits")
        .help(help);
}
