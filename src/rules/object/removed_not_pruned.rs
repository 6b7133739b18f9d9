//! See `rules/object/object-removed-not-pruned.md`.

use std::collections::BTreeMap;

use crate::finding::Severity;
use crate::gitops::Declared;
use crate::kubernetes::Object;
use crate::repository::{Repository, Since};
use crate::rules::pruning::{Pruning, is_hashed, is_protected, some_of};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Since(check);

/// Kinds that act on objects of others for as long as they are there.
const ACTING: [(&str, &str); 5] = [
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
    ("apiregistration.k8s.io", "APIService"),
    ("networking.k8s.io", "NetworkPolicy"),
];

fn check<'a>(since: &'a Since, repository: &'a Repository, findings: &mut Findings<'a>) {
    // By the app of now, so that one setting gives one finding.
    let mut left: BTreeMap<usize, Vec<&Object>> = BTreeMap::new();
    for gone in since.gone(repository).filter(|gone| !is_protected(*gone) && !is_hashed(gone.object)) {
        let Some(app) = since.app_of_now(gone.app, repository) else { continue };
        let at = repository.apps.iter().position(|other| std::ptr::eq(other, app));
        left.entry(at.unwrap_or_default()).or_default().push(gone.object);
    }
    for (at, mut objects) in left {
        let Some(app) = repository.apps.get(at) else { continue };
        let (place, by_hand) = match Pruning::of(app, repository) {
            Some(Pruning::Keeps(place)) => (place, false),
            Some(Pruning::ByHand(place)) => (place, true),
            Some(Pruning::Deletes(_)) | None => continue,
        };
        let is_acting = |object: &Object| ACTING.iter().any(|(group, kind)| object.id.is(group, kind));
        objects.sort_by_key(|object| (!is_acting(object), object.id.clone()));
        let acts = objects.first().copied().filter(|object| is_acting(object));
        let names: Vec<String> = objects.iter().map(|object| object.id.to_string()).collect();
        let (leave, stay, them) =
            if names.len() == 1 { ("leaves", "it stays", "it") } else { ("leave", "they stay", "them") };
        let shows = match app.app.declared {
            Declared::ArgoApplication(_) if by_hand => "until somebody syncs with Prune".to_owned(),
            Declared::ArgoApplication(_) => {
                "and Argo CD only shows the app as OutOfSync (`requires pruning`)".to_owned()
            }
            _ => format!("and Flux forgets {them} without a word"),
        };
        let goes_on = acts.map(|object| format!("; {} goes on with what it does", object.id)).unwrap_or_default();
        let message = format!(
            "{} {leave} Git, but app `{}` does not prune: {stay} in the cluster, {shows}{goes_on}",
            some_of(&names),
            app.app.name
        );
        findings.about(Some(app), None);
        let finding = findings.report(place, message);
        finding.label("nothing is deleted").help(format!(
            "delete by hand what shall go: `kubectl delete {}`; or write `prune: true`, so that what leaves Git leaves the \
             cluster",
            objects.first().map(|object| command(object)).unwrap_or_default()
        ));
        if acts.is_none() {
            finding.severity = Severity::Info;
        }
    }
}

/// The arguments by which kubectl finds the object.
fn command(object: &Object) -> String {
    let id = &object.id;
    let kind = id.kind.to_ascii_lowercase();
    match id.namespace.is_empty() {
        true => format!("{kind} {}", id.name),
        false => format!("{kind} {} --namespace {}", id.name, id.namespace),
    }
}
