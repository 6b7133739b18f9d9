//! See `rules/poddisruptionbudget/poddisruptionbudget-selector-no-match.md`.

use crate::kubernetes::network_policy::LabelQuery;
use crate::repository::Repository;
use crate::rules::selection::{self, Pods, Selecting};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut budgets = Vec::new();
    for (at, app) in selection::deployed(repository) {
        for object in app.objects.iter().filter(|object| object.id.is("policy", "PodDisruptionBudget")) {
            let Some(selector) = object.root.at(&["spec", "selector"]) else { continue };
            let namespaces = vec![repository.home_of(app, object)];
            budgets.push(Selecting { app: at, object, namespaces, query: LabelQuery::of(selector) });
        }
    }
    if budgets.is_empty() {
        return;
    }
    let pods = Pods::of(repository);
    for missed in selection::missed(&budgets, &pods.targets, |by, wanted| pods.seen(by, wanted)) {
        findings.about(repository.apps.get(missed.by.app), Some(missed.by.object));
        let message = format!(
            "{} is about pods with `{}`, and no pod {}has that: it protects nothing, and a drain may evict all pods at once",
            missed.by.object.id,
            missed.by.query,
            missed.place(),
        );
        let finding = findings.report(missed.requirement.span, message);
        finding.label("no such pod").related(missed.target.span, missed.has());
        finding.help(missed.help());
    }
}
