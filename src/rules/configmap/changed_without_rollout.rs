//! See `rules/configmap/configmap-changed-without-rollout.md`.

use foldhash::{HashMap, HashMapExt};

use crate::repository::{Cluster, Placed, Repository, Since};
use crate::rules::changes::{Difference, difference};
use crate::rules::rollout::{Read, reads};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Since(check);

fn check<'a>(since: &'a Since, repository: &'a Repository, findings: &mut Findings<'a>) {
    if reloads_everything(repository) {
        return;
    }
    let mut users: HashMap<(Cluster, &str), Vec<(Placed<'a>, Placed<'a>)>> = HashMap::new();
    for (before, after) in since.kept(repository).filter(|(_, after)| after.object.id.group == "apps") {
        let home = (Cluster::of(after.app), repository.home_of(after.app, after.object));
        users.entry(home).or_default().push((before, after));
    }
    for (before, after) in since.kept(repository) {
        let id = &after.object.id;
        if !id.is("", "ConfigMap") && !id.is("", "Secret") {
            continue;
        }
        let changes = changed_keys(before, after);
        if changes.is_empty() {
            continue;
        }
        let home = (Cluster::of(after.app), repository.home_of(after.app, after.object));
        let stale = users.get(&home).into_iter().flatten().filter(|(then, now)| starts_nothing(*then, *now));
        let mut stale =
            stale.flat_map(|(_, user)| reads(user.object, after.object).into_iter().map(move |read| (user, read)));
        let found = stale.find_map(|(user, read)| {
            let change = changes.iter().find(|(key, _)| read.key.is_none_or(|wanted| wanted == *key))?;
            Some((user, read, change))
        });
        let Some((user, Read { how, place, .. }, (key, change))) = found else { continue };
        findings.about(Some(after.app), Some(after.object));
        let message = format!(
            "`{key}` of {id} changes, and the pods of {} read it {how} when they start: the sync starts none of them anew, so \
             they go on with the former value until somebody restarts them",
            user.object.id
        );
        let (kind, name) = (user.object.id.kind.to_ascii_lowercase(), &user.object.id.name);
        findings
            .report(change.place, message)
            .label(format!("changed since {}", since.revision))
            .related(place, "read at the start of the pod")
            .help(format!(
                "let a generator of kustomize make the {}, with a hash of the content in its name, or write a checksum into an \
                 annotation of the pod template; for now, `kubectl rollout restart {kind}/{name}` after the sync",
                id.kind
            ));
    }
}

/// Whether Reloader restarts whatever uses a changed ConfigMap or Secret, without an annotation.
fn reloads_everything(repository: &Repository) -> bool {
    let mut releases = repository.apps.iter().flat_map(|app| &app.releases);
    releases.any(|release| {
        let all = release.values.at(&["reloader", "autoReloadAll"]);
        release.chart.name == "reloader" && (release.incomplete || all.is_some_and(|all| all.as_bool() != Some(false)))
    })
}

/// The keys whose content changed, with the change.
fn changed_keys<'a>(before: Placed<'a>, after: Placed<'a>) -> Vec<(&'a str, Difference<'a>)> {
    let mut changes = Vec::new();
    for field in ["data", "binaryData", "stringData"] {
        let (then, now) = (before.object.root.get(field), after.object.root.get(field));
        // A key that is new is read by nobody yet who is not changed too.
        for entry in then.map(Node::entries).unwrap_or_default() {
            let key = entry.key.text.as_str();
            let now = now.and_then(|now| now.get(key));
            let change = now.and_then(|now| difference(key, Some(&entry.value), Some(now), now.span));
            changes.extend(change.map(|change| (key, change)));
        }
    }
    changes
}

/// Whether the pods of a workload stay: its template is what it was.
fn starts_nothing(then: Placed<'_>, now: Placed<'_>) -> bool {
    let path = ["spec", "template"];
    let (before, after) = (then.object.root.at(&path), now.object.root.at(&path));
    before.is_some() && difference("spec.template", before, after, now.object.name_span()).is_none()
}
