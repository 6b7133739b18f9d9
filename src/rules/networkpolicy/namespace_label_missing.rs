//! See `rules/networkpolicy/networkpolicy-namespace-label-missing.md`.

use crate::finding::Severity;
use crate::kubernetes::Object;
use crate::kubernetes::network_policy::{Namespaces, Requirement, Selector, Test, Who};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// Labels that are written for a namespace's name.
const KEYS: [&str; 6] =
    ["name", "namespace", "kubernetes.io/name", "kubernetes.io/metadata-name", "metadata.name", "k8s.io/metadata.name"];

/// Namespaces that every cluster makes by itself.
const OWN: [&str; 4] = ["kube-system", "default", "kube-public", "kube-node-lease"];

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut said: Option<Said<'_>> = None;
    for policy in &repository.network().policies {
        let rules = policy.policy.ingress.allow.iter().chain(&policy.policy.egress.allow);
        for peer in rules.flat_map(|rule| rule.peers.iter().flatten()) {
            let Who::Pods(selector) = &peer.who else { continue };
            let Some((requirement, name)) = by_name(selector) else { continue };
            let said = said.get_or_insert_with(|| Said::of(repository));
            let key = requirement.key.as_str();
            let known: Vec<&Object> = said.namespaces.iter().filter(|one| one.id.name == name).copied().collect();
            let is_own = OWN.contains(&name);
            if said.may_label(key, name) || known.is_empty() && !is_own {
                continue;
            }
            findings.about(repository.apps.get(policy.app), policy.object(repository));
            let lacks = match known.is_empty() {
                true => "which no cluster sets by itself: unless somebody set it by hand, this rule is about nobody",
                false => "which it does not have: this rule is about nobody",
            };
            let says = policy.name(repository);
            let message = format!("{says} calls the namespace `{name}` by the label `{key}`, {lacks}");
            let finding = findings.report(requirement.span, message);
            finding.label("no such label").help(format!(
                "write `kubernetes.io/metadata.name: {name}`: every namespace has this label since Kubernetes 1.21"
            ));
            match known.first() {
                Some(namespace) => finding.related(namespace.name_span(), "the namespace"),
                None => finding.severity(Severity::Info),
            };
        }
    }
}

/// The condition of a selector that seems to give a namespace's name by another label than the one for it, and the name.
fn by_name(selector: &Selector) -> Option<(&Requirement, &str)> {
    let Namespaces::Labelled(labels) = &selector.namespaces else { return None };
    labels.requirements.iter().find_map(|requirement| match &requirement.test {
        Test::In(names) if KEYS.contains(&requirement.key.as_str()) => match names.as_slice() {
            [name] => Some((requirement, name.as_str())),
            _ => None,
        },
        _ => None,
    })
}

/// What the repository says of namespaces.
struct Said<'a> {
    namespaces: Vec<&'a Object>,
    /// Labels that Argo CD puts on the namespaces that it makes.
    managed: Vec<&'a Node>,
    /// Whether a policy of Kyverno changes objects, namespaces maybe among them.
    mutates: bool,
}

impl<'a> Said<'a> {
    fn of(repository: &'a Repository) -> Self {
        let objects = || repository.apps.iter().flat_map(|app| &app.objects);
        let applications = repository.apps.iter().filter_map(|app| app.app.application.as_ref());
        let changes = |policy: &Object| {
            let rules = policy.root.at(&["spec", "rules"]).map(Node::items).unwrap_or_default();
            rules.iter().any(|rule| rule.get("mutate").is_some())
        };
        Self {
            namespaces: objects().filter(|object| object.id.is("", "Namespace")).collect(),
            managed: applications
                .filter_map(|application| application.spec(&["syncPolicy", "managedNamespaceMetadata", "labels"]))
                .collect(),
            mutates: objects().any(|object| object.id.group == "kyverno.io" && changes(object)),
        }
    }

    /// Whether some namespace has the label with this value, or may be given it.
    fn may_label(&self, key: &str, value: &str) -> bool {
        let gives = |labels: &Node| {
            let own = labels.get(key);
            labels.is_unknown() || own.is_some_and(|own| own.as_text().is_none_or(|own| own == value))
        };
        let of_namespaces = self.namespaces.iter().filter_map(|object| object.root.at(&["metadata", "labels"]));
        self.mutates || of_namespaces.chain(self.managed.iter().copied()).any(gives)
    }
}
