//! See `rules/job/job-expires-and-returns.md`.

use crate::gitops::Declared;
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, _: &'a Repository, findings: &mut Findings<'a>) {
    let is_flux = matches!(app.app.declared, Declared::FluxKustomization(_));
    let healing = app.app.application.as_ref().map(|application| {
        let automated = application.spec(&["syncPolicy", "automated"]);
        let off = automated.and_then(|automated| automated.get("enabled")).and_then(Node::as_bool) == Some(false);
        !off && automated.and_then(|automated| automated.get("selfHeal")).and_then(Node::as_bool) == Some(true)
    });
    if !is_flux && healing.is_none() {
        return;
    }
    for job in app.objects.iter().filter(|object| object.id.is("batch", "Job") && !is_left_alone(object)) {
        let Some(node) = job.root.at(&["spec", "ttlSecondsAfterFinished"]) else { continue };
        let Some(seconds) = node.as_i64() else { continue };
        let effect = match (is_flux, healing) {
            (true, _) => "Flux finds it missing and runs it again, over and over".to_owned(),
            (false, Some(true)) => {
                format!("`{}` misses it and heals itself, which runs it again, over and over", app.app.name)
            }
            _ => format!("`{}` misses it and stays OutOfSync, and every sync runs it again", app.app.name),
        };
        let message = format!("{} is deleted {seconds} seconds after its end: {effect}", job.id);
        findings.about(Some(app), Some(job));
        let finding = findings.report(node.span, message);
        finding.label("deleted by Kubernetes");
        finding.help(match is_flux {
            true => "remove this; a Job that is done stays there and does nothing",
            false => "remove this, or make the Job a hook: `argocd.argoproj.io/hook: Sync`",
        });
    }
}

/// Whether the controller does not expect the Job to be there.
fn is_left_alone(job: &Object) -> bool {
    let annotation = |key: &str| job.root.at(&["metadata", "annotations", key]);
    let hook = annotation("argocd.argoproj.io/hook").is_some() || annotation("helm.sh/hook").is_some();
    let text = |key: &str| annotation(key).and_then(Node::as_text);
    // A Job with a name of its own each time is another one.
    hook || job.root.at(&["metadata", "generateName"]).is_some()
        || text("kustomize.toolkit.fluxcd.io/reconcile") == Some("disabled")
        || job.root.at(&["spec", "suspend"]).and_then(Node::as_bool) == Some(true)
}
