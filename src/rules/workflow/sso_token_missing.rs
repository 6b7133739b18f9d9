//! See `rules/workflow/workflow-sso-token-missing.md`.

use std::cell::LazyCell;

use super::secrets::Secrets;
use crate::kubernetes::Version;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// Since this release Kubernetes makes no Secret for a ServiceAccount by itself.
const NO_SECRETS_SINCE: Version = Version::new(1, 24);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    if repository.targets.highest.is_some_and(|target| target.version < NO_SECRETS_SINCE) {
        return;
    }
    let secrets = LazyCell::new(|| Secrets::of(repository));
    for (app, account) in repository.objects_of("", "ServiceAccount") {
        let annotation = |key: &str| account.root.at(&["metadata", "annotations", key]);
        let Some(rule) = annotation("workflows.argoproj.io/rbac-rule") else { continue };
        // An account with a list of Secrets says itself where its token is.
        if account.root.get("secrets").is_some_and(|secrets| !secrets.items().is_empty()) {
            continue;
        }
        let named = annotation("workflows.argoproj.io/service-account-token.name");
        let secret = match named.map(Node::as_text) {
            Some(Some(name)) => name.to_owned(),
            Some(None) => continue,
            None => format!("{}.service-account-token", account.id.name),
        };
        let home = repository.home_of(app, account);
        let there = secrets.namespaces(&secret).is_none_or(|there| there.contains(home));
        if there || repository.config.is_external("Secret", home, &secret) {
            continue;
        }
        findings.about(Some(app), Some(account));
        let message = format!(
            "people are to sign in to Argo Workflows as {}, but there is no Secret `{secret}` with its token, and since \
                 1.24 Kubernetes makes none: the login fails with `failed to get service account secret`",
            account.id
        );
        findings
            .report(account.name_span(), message)
            .label("has no token")
            .related(rule.span, "who signs in as it")
            .help(format!(
                "add a Secret `{secret}` of type `kubernetes.io/service-account-token` with the annotation \
                     `kubernetes.io/service-account.name: {}`",
                account.id.name
            ));
    }
}
