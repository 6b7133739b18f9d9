//! See `rules/argocd/argocd-wave-deadlock.md`.

use foldhash::{HashMap, HashMapExt, HashSet};

use super::needs::{Late, has_several_turns, late};
use super::turn::{Phase, Turn};
use crate::gitops::is_declaration;
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    for late in late(repository, blocks).into_iter().filter(|late| late.source_turn.phase == late.turn.phase) {
        tell_of_pod(&late, findings);
    }
    for app in repository.apps.iter().filter(|app| !repository.is_unlisted(app) && has_several_turns(app)) {
        refused(app, repository, findings);
    }
}

/// Whether Argo CD waits for the object to become healthy before it goes on with the next wave.
fn blocks(object: &Object, turn: Turn) -> bool {
    let waits = matches!(
        (object.id.group.as_str(), object.id.kind.as_str()),
        ("", "Pod") | ("batch", "Job") | ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
    );
    waits && turn.phase != Phase::PostSync
}

fn tell_of_pod<'a>(late: &Late<'a>, findings: &mut Findings<'a>) {
    findings.about(Some(late.app), Some(late.object));
    let message = format!(
        "{} is in wave {} and needs {} `{}` of wave {}: Argo CD starts no later wave before its pods are ready, and they \
         are not ready before that, so the sync never ends",
        late.object.id, late.turn.wave, late.kind, late.name, late.source_turn.wave
    );
    findings
        .report(late.span, message)
        .label(format!("comes in wave {}", late.source_turn.wave))
        .related(late.source.name_span(), format!("wave {}", late.source_turn.wave))
        .help(format!("give {} an `argocd.argoproj.io/sync-wave` of at most {}", late.source.id, late.turn.wave));
}

/// Objects that the API server refuses because what they are in, or an instance of, comes in a later turn.
fn refused<'a>(app: &'a BuiltApp, repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut namespaces: HashMap<&str, (&Object, Turn)> = HashMap::new();
    let mut definitions: HashMap<(&str, &str), (&Object, Turn)> = HashMap::new();
    for object in &app.objects {
        let Some(turn) = Turn::of(object) else { continue };
        if object.id.is("", "Namespace") {
            namespaces.insert(&object.id.name, (object, turn));
        } else if object.id.is("apiextensions.k8s.io", "CustomResourceDefinition") {
            let text = |path: &[&str]| object.root.get("spec").and_then(|spec| spec.str_at(path));
            if let (Some(group), Some(kind)) = (text(&["group"]), text(&["names", "kind"])) {
                definitions.insert((group, kind), (object, turn));
            }
        }
    }
    // Who deploys the files may make their namespace before the sync; only an Application that is known says so.
    let created = match &app.app.application {
        Some(application) if application.has_sync_option("CreateNamespace=true") => &app.app.destination.namespace,
        Some(_) => "",
        None => {
            namespaces.clear();
            ""
        }
    };
    let mut told: HashSet<Span> = HashSet::default();
    for object in &app.objects {
        let Some(turn) = Turn::of(object) else { continue };
        let home = repository.home_of(app, object);
        let is_later = |(_, needed): &&(&Object, Turn)| *needed > turn;
        // Argo CD reads its own declarations in its own namespace, which is there.
        let made_before = home == created || is_declaration(&object.id);
        let namespace = namespaces.get(home).filter(|_| !made_before).filter(is_later);
        let definition = definitions.get(&(object.id.group.as_str(), object.id.kind.as_str())).filter(is_later);
        let ((source, later), effect) = match (definition, namespace) {
            (Some(definition), _) => {
                (definition, format!("no matches for kind \"{}\" in group \"{}\"", object.id.kind, object.id.group))
            }
            (None, Some(namespace)) => (namespace, format!("namespaces \"{home}\" not found")),
            (None, None) => continue,
        };
        if !told.insert(source.name_span()) {
            continue;
        }
        let same_phase = turn.phase == later.phase;
        let when = |turn: &Turn| match same_phase {
            true => format!("wave {}", turn.wave),
            false => format!("the {} phase", turn.phase.name()),
        };
        let message = format!(
            "{} is applied in {}, before {} in {}: the API server refuses it with `{effect}`, and the sync goes no further",
            object.id,
            when(&turn),
            source.id,
            when(later)
        );
        findings.about(Some(app), Some(object));
        findings
            .report(object.name_span(), message)
            .label(when(&turn))
            .related(source.name_span(), when(later))
            .help(format!("apply {} first", source.id));
    }
}
