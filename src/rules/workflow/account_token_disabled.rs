//! See `rules/workflow/workflow-account-token-disabled.md`.

use std::collections::BTreeSet;

use super::workflows;
use crate::repository::{Cluster, Repository};
use crate::rules::rbac::accounts;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let accounts = accounts(repository);
    let mut told = BTreeSet::new();
    for workflow in workflows::all(repository) {
        let asked = workflow.spec.get("automountServiceAccountToken");
        let executor = workflow.spec.at(&["executor", "serviceAccountName"]);
        // With a token of its own, the executor does not need the account's.
        if workflow.namespace.is_empty()
            || asked.is_some_and(|node| node.as_bool() != Some(false))
            || executor.is_some()
        {
            continue;
        }
        for node in workflow.accounts() {
            let Some(name) = node.as_text() else { continue };
            for (app, account) in accounts.get(&(workflow.namespace, name)).map(Vec::as_slice).unwrap_or_default() {
                let Some(mount) = account.root.get("automountServiceAccountToken") else { continue };
                let is_elsewhere = Cluster::are_apart(workflow.app, app);
                if mount.as_bool() != Some(false) || is_elsewhere || !told.insert(mount.span) {
                    continue;
                }
                findings.about(Some(app), Some(account));
                let message = format!(
                    "{} runs the pods of {}, but its token is not mounted in them: the executor beside each step can't \
                     report the result, and the step fails",
                    account.id, workflow.object.id
                );
                findings
                    .report(mount.span, message)
                    .label("no token for the executor")
                    .related(node.span, "runs workflow pods")
                    .help(
                        "write `true` here, or `automountServiceAccountToken: true` in the workflow's spec, or give the \
                         executor an account of its own under `executor.serviceAccountName`",
                    );
            }
        }
    }
}
