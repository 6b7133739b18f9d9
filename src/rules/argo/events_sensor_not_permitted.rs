//! See `rules/argo/argo-events-sensor-not-permitted.md`.

use crate::kubernetes::Object;
use crate::repository::Repository;
use crate::rules::rbac::{Deed, Grants, Permission, accounts};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

const SUBMIT: Deed = Deed { group: "argoproj.io", resource: "workflows", verbs: &["create"] };

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut sensors = repository.objects_of("argoproj.io", "Sensor").peekable();
    if sensors.peek().is_none() {
        return;
    }
    let grants = Grants::of(repository);
    let accounts = accounts(repository);
    for (app, object) in sensors {
        let home = repository.home_of(app, object);
        let written = object.root.at(&["spec", "template", "serviceAccountName"]);
        let account = match written.map(Node::as_text) {
            None => "default",
            Some(Some(name)) => name,
            Some(None) => continue,
        };
        // What the account is, must be known; a missing one is another rule's matter.
        if account != "default" && !accounts.contains_key(&(home, account)) {
            continue;
        }
        for (namespace, span) in targets(object, home) {
            if grants.may((home, account), namespace, SUBMIT) != Permission::Denied {
                continue;
            }
            findings.about(Some(app), Some(object));
            let message = format!(
                "{} submits a workflow to namespace `{namespace}` as ServiceAccount `{home}/{account}`, which no binding \
                 permits to create workflows there: the trigger fails with `workflows.argoproj.io is forbidden`",
                object.id
            );
            let finding = findings.report(span, message);
            finding.label("may not create workflows here");
            match written {
                Some(name) => finding.related(name.span, "the sensor acts as this account").help(format!(
                    "add a RoleBinding in `{namespace}` that gives `{home}/{account}` a role with `create` on `workflows`"
                )),
                None => finding.help(format!(
                    "set `spec.template.serviceAccountName` to an account with `create` on `workflows` in `{namespace}`"
                )),
            };
        }
    }
}

/// The namespaces to which a sensor submits workflows, each with the place that says so.
fn targets<'a>(sensor: &'a Object, home: &'a str) -> Vec<(&'a str, Span)> {
    let mut found: Vec<(&str, Span)> = Vec::new();
    for trigger in sensor.root.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
        let workflow = trigger
            .at(&["template", "argoWorkflow"])
            .filter(|workflow| matches!(workflow.get("operation").map(Node::as_text), None | Some(Some("submit"))));
        let resource = workflow.or_else(|| trigger.at(&["template", "k8s"]));
        let Some(resource) = resource.and_then(|trigger| trigger.at(&["source", "resource"])) else { continue };
        if resource.str_at(&["kind"]) != Some("Workflow") {
            continue;
        }
        let (namespace, span) = match resource.at(&["metadata", "namespace"]) {
            Some(node) => match node.as_text() {
                Some(namespace) => (namespace, node.span),
                None => continue,
            },
            None => (home, sensor.name_span()),
        };
        if !found.iter().any(|(known, _)| *known == namespace) {
            found.push((namespace, span));
        }
    }
    found
}
