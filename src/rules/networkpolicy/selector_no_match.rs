//! See `rules/networkpolicy/networkpolicy-selector-no-match.md`.

use crate::finding::nearest;
use crate::kubernetes::network_policy::{Match, PodLabels, Requirement, Test};
use crate::repository::Repository;
use crate::repository::network::{Network, PlacedPods, PlacedPolicy};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let network = repository.network();
    for policy in &network.policies {
        let subject = &policy.policy.subject;
        let namespace = policy.namespace.as_str();
        if !subject.labels.names_value() || !network.is_closed(namespace) {
            continue;
        }
        let mut known = network.pods_in(namespace).peekable();
        let is_known = known.peek().is_some();
        if !is_known || known.any(|pods| network.is_in(subject, policy, pods.group()) != Match::No) {
            continue;
        }
        let Some((requirement, pods, near)) = near(network, policy) else { continue };
        let maker = repository.apps.get(pods.app).and_then(|app| app.objects.get(pods.object));
        let maker = maker.map(|object| object.id.to_string()).unwrap_or_default();
        findings.about(repository.apps.get(policy.app), policy.object(repository));
        findings
            .report(
                requirement.span,
                format!(
                    "{} is about pods with `{}`, which no pod in namespace `{namespace}` has: it restricts nobody and \
                     allows nothing",
                    policy.name(repository),
                    subject.labels
                ),
            )
            .label("no such pod")
            .related(pods.span, format!("the pods of {maker} have `{near}`"))
            .help(format!("did you mean `{near}`?"));
    }
}

/// The condition that keeps pods out that were probably meant, the pods, and their label that comes close: the same value
/// under another key, or the same key with nearly the same value.
fn near<'n>(network: &'n Network, policy: &'n PlacedPolicy) -> Option<(&'n Requirement, &'n PlacedPods, String)> {
    let all = || network.pods_in(&policy.namespace);
    policy.policy.subject.labels.requirements.iter().find_map(|requirement| {
        let Test::In(values) = &requirement.test else { return None };
        let [value] = values.as_slice() else { return None };
        // A word such as `true` says nothing.
        if value.len() < 3 || matches!(value.as_str(), "true" | "yes" | "allow" | "enabled") {
            return None;
        }
        if all().any(|pods| has_key(&pods.labels, requirement, value)) {
            return None;
        }
        let other_key = all().find_map(|pods| {
            let label = pods.labels.known.iter().find(|(_, own)| own.as_ref() == Some(value));
            label.map(|(key, _)| (requirement, pods, format!("{key}: {value}")))
        });
        other_key.or_else(|| {
            let own = |pods: &'n PlacedPods| {
                pods.labels.known.iter().find(|(key, _)| *key == requirement.key).and_then(|(_, own)| own.as_deref())
            };
            let meant = nearest(value, all().filter_map(own))?;
            let pods = all().find(|pods| own(pods) == Some(meant))?;
            Some((requirement, pods, format!("{}: {meant}", requirement.key)))
        })
    })
}

/// Whether the label is as the condition has it, so that another condition keeps the pods out.
fn has_key(labels: &PodLabels, requirement: &Requirement, value: &str) -> bool {
    labels.known.iter().any(|(key, own)| *key == requirement.key && own.as_deref().is_none_or(|own| own == value))
}
