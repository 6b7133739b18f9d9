//! See `rules/workflow/workflow-account-not-permitted.md`.

use std::collections::BTreeSet;

use super::workflows;
use crate::repository::Repository;
use crate::rules::rbac::{Deed, Grants, Permission, accounts};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// What the executor does since Argo Workflows 3.4, and what it did before.
const NOW: Deed = Deed { group: "argoproj.io", resource: "workflowtaskresults", verbs: &["create", "patch"] };
const BEFORE: Deed = Deed { group: "", resource: "pods", verbs: &["patch"] };

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut workflows = workflows::all(repository).peekable();
    if workflows.peek().is_none() {
        return;
    }
    let grants = Grants::of(repository);
    let accounts = accounts(repository);
    let mut told = BTreeSet::new();
    for workflow in workflows {
        let executor = workflow.spec.at(&["executor", "serviceAccountName"]);
        let users: Vec<&Node> = executor.map_or_else(|| workflow.accounts().collect(), |executor| vec![executor]);
        for node in users {
            let Some(name) = node.as_text() else { continue };
            let account = (workflow.namespace, name);
            // An account that a chart makes comes with a binding of the chart.
            if !accounts.contains_key(&account) || told.contains(&account) {
                continue;
            }
            let lacks = |deed| grants.may(account, workflow.namespace, deed) == Permission::Denied;
            if !lacks(NOW) || !lacks(BEFORE) {
                continue;
            }
            told.insert(account);
            findings.about(Some(workflow.app), Some(workflow.object));
            let message = format!(
                "{} runs its pods as ServiceAccount `{}/{name}`, which no binding permits to create and patch \
                 `workflowtaskresults` there: the executor can't report, and steps fail with `workflowtaskresults.argoproj.io \
                 is forbidden`",
                workflow.object.id, workflow.namespace
            );
            findings.report(node.span, message).label("may not report results").help(format!(
                "bind `{name}` in `{}` to a role with `create` and `patch` on `workflowtaskresults` of `argoproj.io`",
                workflow.namespace
            ));
        }
    }
}
