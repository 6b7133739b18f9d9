//! See `rules/argocd/argocd-project-scope-mismatch.md`.

use std::collections::BTreeSet;

use super::projects::{Projects, is_listed, lists, scope_of};
use crate::kubernetes::{Object, Scope, scope_in_any_group};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let projects = Projects::of(repository);
    let mut seen = BTreeSet::new();
    for project in projects.all().filter(|project| seen.insert(project.root.span)) {
        findings.about(None, Some(project));
        for (of, other) in [(Scope::Cluster, Scope::Namespaced), (Scope::Namespaced, Scope::Cluster)] {
            let (permitted, forbidden) = lists(of);
            let (right_permitted, right_forbidden) = lists(other);
            judge(project, permitted, right_permitted, of, repository, findings);
            judge(project, forbidden, right_forbidden, of, repository, findings);
        }
    }
}

/// Looks for entries of `list`, which is for kinds of the scope `of`, that belong to `right`.
fn judge(
    project: &Object,
    list: &'static str,
    right: &'static str,
    of: Scope,
    repository: &Repository,
    findings: &mut Findings<'_>,
) {
    let Some(spec) = project.root.get("spec") else { return };
    for entry in spec.get(list).map(Node::items).unwrap_or_default() {
        let (Some(node), Some(group)) = (entry.get("kind"), entry.get("group").and_then(Node::as_text)) else {
            continue;
        };
        let Some(kind) = node.as_text().filter(|kind| !kind.contains(['*', '?', '['])) else { continue };
        let scope = match group.contains(['*', '?', '[']) {
            true => scope_in_any_group(kind),
            false => scope_of(repository, group, kind),
        };
        // What the right list has too does no harm here.
        if scope.is_none_or(|scope| scope == of) || is_listed(spec, right, group, kind, "*") {
            continue;
        }
        let words = if of == Scope::Cluster { "namespaced" } else { "cluster-scoped" };
        let forbids = list.ends_with("Blacklist");
        let comes_of_it = if forbids { "forbids nothing" } else { "permits nothing" };
        let message = format!("{kind} is {words}, so Argo CD never looks for it in `{list}`: this entry {comes_of_it}");
        findings.report(node.span, message).label(words).help(format!("move the entry to `{right}`"));
    }
}
