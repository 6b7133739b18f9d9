//! See `rules/role/role-aggregation-no-match.md`.

use crate::finding::is_slip;
use crate::kubernetes::Object;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::{Entry, Node};

pub(crate) const CHECK: Check = Check::Repository(check);

/// More comparisons than these are not made: it bounds the work on hostile input.
const MOST_COMPARISONS: usize = 100_000;

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let roles = || repository.deployed_objects_of("rbac.authorization.k8s.io", "ClusterRole");
    let all = || roles().map(|(_, app, role)| (app, role));
    let selecting: Vec<_> = all().filter(|(_, role)| role.root.get("aggregationRule").is_some()).collect();
    if selecting.is_empty() {
        return;
    }
    let labelled: Vec<(&Object, &Node)> =
        all().filter_map(|(_, role)| Some((role, role.root.at(&["metadata", "labels"])?))).collect();
    let mut comparisons = 0;
    for (app, role) in selecting {
        let selectors = role.root.at(&["aggregationRule", "clusterRoleSelectors"]).map(Node::items).unwrap_or_default();
        for selector in selectors {
            let Some(wanted) = selector.get("matchLabels").map(Node::entries) else { continue };
            comparisons += labelled.len() * wanted.len();
            if comparisons > MOST_COMPARISONS {
                return;
            }
            let has = |labels: &Node, entry: &Entry| {
                labels.get(&entry.key.text).and_then(Node::as_text) == entry.value.as_text()
            };
            if selector.get("matchExpressions").is_some()
                || labelled.iter().any(|(_, labels)| wanted.iter().all(|entry| has(labels, entry)))
            {
                continue;
            }
            let near = wanted.iter().find_map(|entry| {
                let found = labelled.iter().find_map(|(other, labels)| Some((*other, near_label(labels, entry)?)));
                found.map(|(other, label)| (entry, other, label))
            });
            let Some((entry, other, label)) = near else { continue };
            findings.about(Some(app), Some(role));
            let message = format!(
                "{} is filled from roles with `{}`, and none has that label: it grants nothing of what they hold",
                role.id, entry.key.text
            );
            let finding = findings.report(entry.key.span, message);
            finding.label("no role has it").related(label.key.span, format!("{} has this", other.id));
            finding.help(format!("did you mean `{}`?", label.key.text));
        }
    }
}

/// The label with the same value and nearly the same key.
fn near_label<'a>(labels: &'a Node, wanted: &Entry) -> Option<&'a Entry> {
    let same = |label: &&Entry| label.value.as_text() == wanted.value.as_text();
    labels.entries().iter().filter(same).find(|label| is_slip(&wanted.key.text, &label.key.text))
}
