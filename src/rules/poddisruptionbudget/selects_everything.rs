//! See `rules/poddisruptionbudget/poddisruptionbudget-selects-everything.md`.

use crate::kubernetes::{Object, Pod};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, repository: &'a Repository, findings: &mut Findings<'a>) {
    for object in app.objects.iter().filter(|object| object.id.is("policy", "PodDisruptionBudget")) {
        let Some(key) = empty_selector(object) else { continue };
        let namespace = repository.home_of(app, object);
        if !namespace.is_empty() && is_alone(namespace, repository) {
            continue;
        }
        findings.about(Some(app), Some(object));
        let message = format!(
            "{} has an empty selector, which in policy/v1 means every pod of the namespace. Where another budget covers one of \
             them too, an eviction answers 500 and the node can't be drained",
            object.id
        );
        findings.report(key, message).label("selects every pod").help("name the labels of the workload that is meant");
    }
}

/// Where a budget's selector is written, if it asks for nothing.
fn empty_selector(object: &Object) -> Option<crate::source::Span> {
    let spec = object.root.get("spec")?.as_mapping()?;
    let entry = spec.entry("selector").filter(|_| object.root.str_at(&["apiVersion"]) == Some("policy/v1"))?;
    let selector = entry.value.as_mapping()?;
    let asks = |node: &Node| node.is_unknown() || !node.entries().is_empty() || !node.items().is_empty();
    let empty = !["matchLabels", "matchExpressions"].iter().filter_map(|part| selector.get(part)).any(asks);
    empty.then_some(entry.key.span)
}

/// Whether a namespace has one workload and one budget.
fn is_alone(namespace: &str, repository: &Repository) -> bool {
    let here = || {
        let apps = repository.apps.iter();
        apps.flat_map(|app| app.objects.iter().map(move |object| (app, object)))
            .filter(|(app, object)| repository.home_of(app, object) == namespace)
    };
    let budgets = here().filter(|(_, object)| object.id.is("policy", "PodDisruptionBudget")).count();
    let workloads = here().filter(|(_, object)| Pod::of(object).is_some()).count();
    budgets == 1 && workloads == 1
}
