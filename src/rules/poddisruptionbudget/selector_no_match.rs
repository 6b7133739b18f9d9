//! See `rules/poddisruptionbudget/poddisruptionbudget-selector-no-match.md`.

use crate::kubernetes::network_policy::LabelQuery;
use crate::repository::Repository;
use crate::rules::selection::{self, Missed, Selecting};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut budgets = Vec::new();
    for (at, app, object) in repository.deployed_objects_of("policy", "PodDisruptionBudget") {
        let Some(selector) = object.root.at(&["spec", "selector"]) else { continue };
        let namespaces = vec![repository.home_of(app, object)];
        budgets.push(Selecting { app: at, object, namespaces, query: LabelQuery::of(selector) });
    }
    let words = |missed: &Missed<'_, '_>| {
        format!(
            "{} is about pods with `{}`, and no pod {}has that: it protects nothing, and a drain may evict all pods at once",
            missed.by.object.id,
            missed.by.query,
            missed.place(),
        )
    };
    selection::report_without_pods(repository, &budgets, words, findings);
}
