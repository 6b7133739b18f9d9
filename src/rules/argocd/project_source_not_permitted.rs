//! See `rules/argocd/argocd-project-source-not-permitted.md`.

use super::projects::{Projects, applications, permits_source, place};
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let projects = Projects::of(repository);
    for (app, application) in applications(repository) {
        for source in application.sources() {
            let Some(node) = source.get("repoURL") else { continue };
            let Some(url) = node.as_text().filter(|url| !url.is_empty()) else { continue };
            let Some(project) = projects.refusing(application, |spec| permits_source(spec, url)) else { continue };
            let name = &project.id.name;
            let message = format!(
                "AppProject `{name}` does not permit the repository {url}, so Argo CD refuses `{}` with an \
                 InvalidSpecError and syncs nothing of it",
                app.app.name
            );
            findings.about(Some(app), None);
            findings
                .report(application.written_at(node), message)
                .label("not permitted")
                .related(place(project, "sourceRepos"), "what the project permits")
                .help(format!(
                    "add the repository to `sourceRepos` of AppProject `{name}`; `*` there does not cross a `/`"
                ));
        }
    }
}
