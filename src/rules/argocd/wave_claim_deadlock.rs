//! See `rules/argocd/argocd-wave-claim-deadlock.md`.

use super::settings;
use super::turn::Turn;
use crate::kubernetes::{Object, Pod};
use crate::repository::{BuiltApp, Cluster, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// Classes that well-known software brings, all of which wait for a pod. Sources: values.yaml of the chart topolvm;
/// the manifest of k3s' local storage.
const WAITING: [(&str, &str); 2] = [("topolvm-provisioner", "topolvm"), ("local-path", "")];

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    if knows_claims(repository) {
        return;
    }
    for app in repository.apps.iter().filter(|app| app.app.application.is_some()) {
        for claim in app.objects.iter().filter(|object| object.id.is("", "PersistentVolumeClaim")) {
            let Some(turn) = Turn::of(claim) else { continue };
            let Some(class) = claim.root.at(&["spec", "storageClassName"]) else { continue };
            // A claim that names its volume is bound to it at once.
            if claim.root.at(&["spec", "volumeName"]).is_some_and(|name| !name.is_null()) {
                continue;
            }
            if !class.as_str().is_some_and(|name| waits(name, app, repository)) {
                continue;
            }
            let Some((consumer, span, later)) = first_consumer(claim, app, repository) else { continue };
            if later <= turn || later.phase != turn.phase {
                continue;
            }
            findings.about(Some(app), Some(claim));
            let message = format!(
                "{} is in wave {}, and the first pod that mounts it, of {}, in wave {}: the claim's volume is only made for a \
                 pod, and Argo CD starts no later wave before the claim is bound, so the sync never ends",
                claim.id, turn.wave, consumer.id, later.wave
            );
            let wave = claim.root.at(&["metadata", "annotations", "argocd.argoproj.io/sync-wave"]);
            findings
                .report(wave.map_or(claim.name_span(), |wave| wave.span), message)
                .label(format!("wave {}", turn.wave))
                .related(span, format!("mounted in wave {}", later.wave))
                .related(class.span, "this class waits for the first pod")
                .help(format!("give the claim the wave of {}", consumer.id));
        }
    }
}

/// Whether claims of a class stay unbound until a pod mounts them.
fn waits(class: &str, own: &BuiltApp, repository: &Repository) -> bool {
    let mut written = repository
        .objects_of("storage.k8s.io", "StorageClass")
        .filter(|(app, object)| object.id.name == class && !Cluster::are_apart(own, app))
        .map(|(_, object)| object.root.str_at(&["volumeBindingMode"]) == Some("WaitForFirstConsumer"))
        .peekable();
    if written.peek().is_some() {
        return written.all(|waits| waits);
    }
    let installed = |chart: &str| {
        let mut releases = repository.apps.iter().flat_map(|app| &app.releases);
        releases.any(|release| release.chart.name == chart && release.values.get("storageClasses").is_none())
    };
    WAITING.iter().any(|(name, chart)| *name == class && (chart.is_empty() || installed(chart)))
}

/// Who mounts the claim first, where it says so, and when; `None` if nobody does, or somebody of another app, who may
/// be there before.
fn first_consumer<'a>(
    claim: &Object,
    own: &'a BuiltApp,
    repository: &'a Repository,
) -> Option<(&'a Object, crate::source::Span, Turn)> {
    let namespace = repository.home_of(own, claim);
    let mut first: Option<(&Object, crate::source::Span, Turn)> = None;
    for app in repository.apps.iter().filter(|app| !Cluster::are_apart(own, app)) {
        for object in &app.objects {
            let Some(pod) = Pod::of(object) else { continue };
            let volumes = pod.spec.get("volumes").map(Node::items).unwrap_or_default();
            let names = volumes.iter().filter_map(|volume| volume.at(&["persistentVolumeClaim", "claimName"]));
            let mut own_names = names.filter(|name| name.as_str() == Some(claim.id.name.as_str()));
            let Some(name) = own_names.next().filter(|_| repository.home_of(app, object) == namespace) else {
                continue;
            };
            if !std::ptr::eq(app, own) {
                return None;
            }
            let turn = Turn::of(object)?;
            if first.is_none_or(|(.., known)| turn < known) {
                first = Some((object, name.span, turn));
            }
        }
    }
    first
}

/// Whether Argo CD has a health check of its own for claims, by which it may go on.
fn knows_claims(repository: &Repository) -> bool {
    const KEYS: [&str; 2] = [
        "resource.customizations.health.PersistentVolumeClaim",
        "resource.customizations.health._PersistentVolumeClaim",
    ];
    let has = |map: &Node| {
        let whole = map.get("resource.customizations").and_then(Node::as_str);
        KEYS.iter().any(|key| map.get(key).is_some())
            || whole.is_some_and(|text| text.contains("PersistentVolumeClaim"))
    };
    settings(repository).any(has)
}
