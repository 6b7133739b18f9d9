//! See `rules/argocd/argocd-project-group-mismatch.md`.

use std::collections::{BTreeMap, BTreeSet};

use super::projects::{Projects, is_listed, lists, project_name};
use crate::kubernetes::{Object, Scope};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// Domains under which many programs have groups, so that a kind of one name in two of them is a coincidence.
const SHARED: [&str; 3] = ["k8s.io", "x-k8s.io", "openshift.io"];

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let projects = Projects::of(repository);
    let mut seen = BTreeSet::new();
    let all: Vec<&Object> = projects.all().filter(|project| seen.insert(project.root.span)).collect();
    if all.is_empty() {
        return;
    }
    let groups: BTreeSet<&str> =
        repository.apps.iter().flat_map(|app| &app.objects).map(|object| object.id.group.as_str()).collect();
    for project in all {
        let objects = objects_of(project, repository);
        let Some(spec) = project.root.get("spec") else { continue };
        for list in [Scope::Cluster, Scope::Namespaced].map(|scope| lists(scope).0) {
            // One group is one mistake, however many of its kinds are listed.
            let mut told = BTreeSet::new();
            for entry in spec.get(list).map(Node::items).unwrap_or_default() {
                let (Some(place), Some(kind)) = (entry.get("group"), entry.str_at(&["kind"])) else { continue };
                let Some(group) = place.as_text().filter(|group| !group.contains(['*', '?', '['])) else { continue };
                if groups.contains(group) || repository.definitions.get(group, kind).is_some() {
                    continue;
                }
                let same = objects
                    .get(kind)
                    .into_iter()
                    .flatten()
                    .find(|(other, _)| is_of_same_owner(group, other) && !is_listed(spec, list, other, kind, "*"));
                let Some((other, object)) = same.filter(|_| told.insert(group)) else { continue };
                let name = &project.id.name;
                let message = format!(
                    "AppProject `{name}` permits {kind} of the group `{group}`, which no object here has; those here are of \
                     `{other}`, and a sync that holds one is refused: resource {other}:{kind} is not permitted in project \
                     {name}"
                );
                findings.about(None, Some(project));
                findings
                    .report(place.span, message)
                    .label("no object has this group")
                    .related(object.name_span(), format!("{} has `{other}`", object.id))
                    .help(format!("write `{other}` for each kind of the group"));
            }
        }
    }
}

/// What apps of the project hold, or may, by kind and group.
fn objects_of<'a>(project: &Object, repository: &'a Repository) -> BTreeMap<&'a str, BTreeMap<&'a str, &'a Object>> {
    let mut objects: BTreeMap<&str, BTreeMap<&str, &Object>> = BTreeMap::new();
    for app in &repository.apps {
        let named = app.app.application.as_ref().map(|application| project_name(application));
        if named.flatten().is_some_and(|name| name != project.id.name) {
            continue;
        }
        for object in app.objects.iter().filter(|object| object.id.group.contains('.')) {
            objects.entry(&object.id.kind).or_default().entry(&object.id.group).or_insert(object);
        }
    }
    objects
}

/// Whether two groups stand under the same domain.
fn is_of_same_owner(group: &str, other: &str) -> bool {
    let domain = |group: &'_ str| {
        let at = group.rmatch_indices('.').nth(1).map_or(0, |(at, _)| at + 1);
        group.get(at..).filter(|domain| domain.contains('.') && !SHARED.contains(domain)).map(str::to_owned)
    };
    domain(group).is_some() && domain(group) == domain(other)
}
