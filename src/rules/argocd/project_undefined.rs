//! See `rules/argocd/argocd-project-undefined.md`.

use super::projects::{Projects, applications, project_name};
use crate::finding::nearest;
use crate::gitops::FileClass;
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let projects = Projects::of(repository);
    // Without any project here they are made elsewhere; and a chart may make more.
    if projects.names().next().is_none() || charts_make_projects(repository) {
        return;
    }
    for (app, application) in applications(repository) {
        let Some(name) = project_name(application) else { continue };
        if name == "default" || projects.names().any(|known| known == name) {
            continue;
        }
        let Some(node) = application.spec(&["project"]) else { continue };
        let message = format!(
            "there is no AppProject `{name}` in this repository, which has others; without it Argo CD refuses `{}` with \
             an InvalidSpecError and syncs nothing of it",
            app.app.name
        );
        findings.about(Some(app), None);
        let span = application.written_at(node);
        let finding = findings.report(span, message);
        finding.label("no such project");
        match nearest(name, projects.names()) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help("declare the AppProject, or use one that is there"),
        };
    }
}

/// Whether a chart may make projects: one of Argo's own that is told to, or one whose templates are here.
fn charts_make_projects(repository: &Repository) -> bool {
    let mut releases = repository.apps.iter().flat_map(|app| &app.releases);
    let told = |values: &crate::yaml::Node| {
        values.get("projects").is_some() || values.at(&["server", "additionalProjects"]).is_some()
    };
    let mut files = repository.files.sources.files().into_iter();
    releases.any(|release| told(&release.values))
        || files.any(|file| {
            repository.class(file.id) == FileClass::ChartTemplate
                && file.text().is_some_and(|text| text.contains("kind: AppProject"))
        })
}
