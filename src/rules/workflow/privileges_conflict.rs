//! See `rules/workflow/workflow-privileges-conflict.md`.

use super::workflows;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let releases = repository.apps.iter().flat_map(|app| &app.releases);
    let default = releases.filter(|release| release.chart.name == "argo-workflows").find_map(|release| {
        let default = release.values.at(&["mainContainer", "securityContext", "allowPrivilegeEscalation"])?;
        (default.as_bool() == Some(false)).then_some(default)
    });
    let Some(default) = default else { return };
    for workflow in workflows::all(repository) {
        for template in workflow.spec.get("templates").map(Node::items).unwrap_or_default() {
            let main = ["container", "script"].into_iter().find_map(|kind| template.get(kind));
            let Some(context) = main.and_then(|main| main.get("securityContext")) else { continue };
            let Some(privileged) = context.get("privileged").filter(|node| node.as_bool() == Some(true)) else {
                continue;
            };
            if context.get("allowPrivilegeEscalation").is_some() {
                continue;
            }
            findings.about(Some(workflow.app), Some(workflow.object));
            let name = template.get("name").and_then(Node::as_text).unwrap_or_default();
            let message = format!(
                "the template `{name}` of {} runs privileged, and the controller's `mainContainer` adds \
                 `allowPrivilegeEscalation: false` to it: the API server refuses the pod, `cannot set \
                 allowPrivilegeEscalation to false and privileged to true`",
                workflow.object.id
            );
            findings
                .report(privileged.span, message)
                .label("contradicts the default")
                .related(default.span, "added to every main container")
                .help("write `allowPrivilegeEscalation: true` beside it");
        }
    }
}
