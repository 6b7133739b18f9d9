//! See `rules/autoscaler/autoscaler-replicas-conflict.md`.

use foldhash::HashMap;

use crate::gitops::{Application, Declared};
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings, argocd};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut everywhere = None;
    for app in &repository.apps {
        let is_flux = matches!(app.app.declared, Declared::FluxKustomization(_));
        if !is_flux && app.app.application.is_none() {
            continue;
        }
        let scalers: Vec<&Object> = app.objects.iter().filter(|object| is_scaler(object)).collect();
        if scalers.is_empty() || app.app.application.as_ref().is_some_and(ignores_replicas) {
            continue;
        }
        let ignored = *everywhere.get_or_insert_with(|| ignored_everywhere(repository));
        if !is_flux && ignored || is_flux && flux_ignores_replicas(app, repository) {
            continue;
        }
        let scaled: HashMap<(&str, &str, &str), &Object> = app
            .objects
            .iter()
            .filter(|object| matches!(object.id.kind.as_str(), "Deployment" | "StatefulSet" | "Rollout" | "ReplicaSet"))
            .map(|object| ((app.namespace_of(object), object.id.kind.as_str(), object.id.name.as_str()), object))
            .collect();
        for scaler in scalers {
            judge(scaler, app, &scaled, is_flux, findings);
        }
    }
}

fn judge<'a>(
    scaler: &'a Object,
    app: &'a BuiltApp,
    scaled: &HashMap<(&str, &str, &str), &'a Object>,
    is_flux: bool,
    findings: &mut Findings<'a>,
) {
    let Some(spec) = scaler.root.get("spec") else { return };
    let kind = spec.str_at(&["scaleTargetRef", "kind"]).unwrap_or("Deployment");
    let Some(name) = spec.at(&["scaleTargetRef", "name"]) else { return };
    let key = (app.namespace_of(scaler), kind, name.as_text().unwrap_or_default());
    let Some(target) = scaled.get(&key) else { return };
    let Some(count) = target.root.at(&["spec", "replicas"]).filter(|count| count.as_i64().is_some()) else { return };
    let least = ["minReplicas", "minReplicaCount"].iter().find_map(|field| spec.get(field)).and_then(Node::as_i64);
    let most = ["maxReplicas", "maxReplicaCount"].iter().find_map(|field| spec.get(field)).and_then(Node::as_i64);
    let annotation = |key: &str| target.root.str_at(&["metadata", "annotations", key]);
    let left_alone = annotation("kustomize.toolkit.fluxcd.io/reconcile") == Some("disabled")
        || annotation("kustomize.toolkit.fluxcd.io/ssa")
            .is_some_and(|mode| ["ifnotpresent", "ignore"].contains(&mode.to_ascii_lowercase().as_str()));
    // An autoscaler that never changes anything has nobody to fight with, and no replicas switch it off.
    if count.as_i64() == Some(0) || least.is_some() && least == most || is_flux && left_alone {
        return;
    }
    let number = count.as_text().unwrap_or_default();
    let (who, effect) = match is_flux {
        true => ("Flux", "every reconciliation sets it back, and the autoscaler starts anew".to_owned()),
        false => {
            ("Argo CD", format!("`{}` is OutOfSync whenever it scaled, and every sync sets it back", app.app.name))
        }
    };
    let message =
        format!("{} is scaled by {}, and {who} writes {number} replicas of it: {effect}", target.id, scaler.id);
    findings.about(Some(app), Some(target));
    let finding = findings.report(count.span, message);
    finding.label("two write this").related(name.span, "the autoscaler writes it too");
    finding.help("remove `replicas`: what nobody writes stays as the autoscaler sets it");
}

fn is_scaler(object: &Object) -> bool {
    object.id.is("autoscaling", "HorizontalPodAutoscaler") || object.id.is("keda.sh", "ScaledObject")
}

/// Whether an Application leaves the number of replicas, or some of its fields in a way that may be that, out of its
/// comparison.
fn ignores_replicas(application: &Application) -> bool {
    let entries = application.spec(&["ignoreDifferences"]).map(Node::items).unwrap_or_default();
    let says =
        |list: &Node| list.items().iter().any(|text| text.as_text().is_none_or(|text| text.contains("replicas")));
    entries.iter().any(|entry| {
        entry.get("managedFieldsManagers").is_some()
            || ["jsonPointers", "jqPathExpressions"].iter().filter_map(|key| entry.get(key)).any(says)
    })
}

/// Whether a Kustomization of Flux leaves them alone.
fn flux_ignores_replicas(app: &BuiltApp, repository: &Repository) -> bool {
    let ignore = repository.flux_kustomization(app).and_then(|object| object.root.at(&["spec", "ignore"]));
    ignore.map(Node::items).unwrap_or_default().iter().any(|entry| {
        let paths = entry.get("paths").map(Node::items).unwrap_or_default();
        paths.iter().any(|path| path.as_text().is_none_or(|path| path.contains("replicas")))
    })
}

/// Whether Argo CD is told so for all its apps.
fn ignored_everywhere(repository: &Repository) -> bool {
    let says = |node: &Node| {
        node.entries().iter().any(|entry| {
            entry.key.text.starts_with("resource.customizations")
                && entry.value.as_text().is_none_or(|text| text.contains("replicas"))
        })
    };
    let mut releases = repository.apps.iter().flat_map(|app| &app.releases);
    releases.any(|release| release.incomplete && release.chart.name == "argo-cd")
        || argocd::settings(repository).any(says)
}
