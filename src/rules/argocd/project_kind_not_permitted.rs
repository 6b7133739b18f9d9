//! See `rules/argocd/argocd-project-kind-not-permitted.md`.

use std::collections::BTreeSet;

use super::projects::{Projects, applications, is_listed, lists, permits_kind, place, scope_of};
use crate::gitops::Standing;
use crate::kubernetes::Scope;
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let projects = Projects::of(repository);
    let mut told = BTreeSet::new();
    for (app, application) in applications(repository).filter(|(app, _)| app.app.standing == Standing::Deployed) {
        for object in &app.objects {
            let (group, kind, name) = (object.id.group.as_str(), object.id.kind.as_str(), object.id.name.as_str());
            let Some(scope) = scope_of(repository, group, kind) else { continue };
            let permits = |spec: &_| permits_kind(spec, scope, group, kind, name);
            let Some(project) = projects.refusing(application, permits) else { continue };
            // One line of the project mends all objects of the kind.
            if !told.insert((project.root.span, group, kind)) {
                continue;
            }
            let Some(spec) = project.root.get("spec") else { continue };
            let (permitted, forbidden) = lists(scope);
            let other = lists(if scope == Scope::Cluster { Scope::Namespaced } else { Scope::Cluster }).0;
            let is_forbidden = is_listed(spec, forbidden, group, kind, name);
            let project_name = &project.id.name;
            let words = if scope == Scope::Cluster { "cluster-scoped" } else { "namespaced" };
            let message = format!(
                "AppProject `{project_name}` does not permit the {words} kind {kind}, so each sync of `{}` fails: resource \
                 {group}:{kind} is not permitted in project {project_name}",
                app.app.name
            );
            let entry = format!("{{group: '{group}', kind: {kind}}}");
            let help = if is_forbidden {
                format!("take {kind} out of `{forbidden}`, or the object out of the app")
            } else if is_listed(spec, other, group, kind, name) && spec.get(other).is_some() {
                format!("move `{entry}` from `{other}` to `{permitted}`: {kind} is {words}")
            } else {
                format!("add `{entry}` to `{permitted}` of AppProject `{project_name}`")
            };
            findings.about(None, Some(project));
            findings
                .report(place(project, if is_forbidden { forbidden } else { permitted }), message)
                .label(if is_forbidden { format!("forbids {kind}") } else { format!("lacks {kind}") })
                .related(object.name_span(), format!("{} of app {}", object.id, app.app.name))
                .help(help);
        }
    }
}
