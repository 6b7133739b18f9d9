//! See `rules/networkpolicy/networkpolicy-api-server-refused.md`.

use std::collections::BTreeMap;

use foldhash::{HashSet, HashSetExt};

use super::{destinations, words};
use crate::kubernetes::network_policy::{Dialect, Direction};
use crate::kubernetes::{Object, Pod};
use crate::repository::Repository;
use crate::repository::network::{PlacedPods, Verdict};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// Policies that Kubernetes' own may be overruled by.
const OTHER_DIALECTS: [(&str, &str); 7] = [
    ("crd.projectcalico.org", "NetworkPolicy"),
    ("crd.projectcalico.org", "GlobalNetworkPolicy"),
    ("projectcalico.org", "NetworkPolicy"),
    ("projectcalico.org", "GlobalNetworkPolicy"),
    ("policy.networking.k8s.io", "AdminNetworkPolicy"),
    ("policy.networking.k8s.io", "BaselineAdminNetworkPolicy"),
    ("policy.networking.k8s.io", "ClusterNetworkPolicy"),
];

/// Programs of one policy that are shown with their places.
const MOST_PLACES: usize = 4;

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let network = repository.network();
    if network.policies.is_empty() {
        return;
    }
    let callers = Callers::of(repository);
    // What policies of other dialects let through, Kubernetes' own do not say.
    let others = OTHER_DIALECTS.iter().any(|(group, kind)| repository.objects_of(group, kind).next().is_some());
    let mut by_policy: BTreeMap<usize, Vec<(&PlacedPods, &Object, &str)>> = BTreeMap::new();
    for pods in network.pods.iter().filter(|pods| !pods.host_network) {
        let Some(app) = repository.apps.get(pods.app) else { continue };
        let Some(object) = app.objects.get(pods.object) else { continue };
        let Some(why) = callers.why(object, pods) else { continue };
        let takes = |policy: &_, rule: &_| destinations::api_server(policy, rule);
        let Verdict::Denied(by) = network.judge_by(Direction::Egress, pods.group(), None, takes) else { continue };
        // The policy that is most about these pods.
        let own = |at: &&usize| {
            let policy = network.policies.get(**at);
            policy.is_some_and(|policy| !policy.namespace.is_empty() && policy.policy.subject.labels.names_value())
        };
        let Some(at) = by.iter().find(own).or(by.first()) else { continue };
        let dialect = network.policies.get(*at).map(|policy| policy.policy.dialect);
        if others && dialect == Some(Dialect::Kubernetes) {
            continue;
        }
        let list = by_policy.entry(*at).or_default();
        if !list.iter().any(|(_, known, _)| std::ptr::eq(*known, object)) {
            list.push((pods, object, why));
        }
    }
    for (at, refused) in by_policy {
        let Some(policy) = network.policies.get(at) else { continue };
        let says = policy.name(repository);
        let is_own = !policy.namespace.is_empty();
        if is_own {
            let Some((_, _, why)) = refused.first() else { continue };
            let names: Vec<String> = refused.iter().map(|(_, object, _)| object.id.to_string()).collect();
            let message = format!(
                "{says} closes the egress of the pods of {}, and no rule lets them reach the API server, which {why}",
                words::listed(&names)
            );
            findings.about(repository.apps.get(policy.app), policy.object(repository));
            let finding = findings.report(policy.policy.egress.span, message);
            finding.label("nothing here leads to the API server");
            for (pods, object, _) in refused.iter().take(MOST_PLACES) {
                let span = if pods.template.is_some() { pods.span } else { object.name_span() };
                finding.related(span, "its pods call the API server");
            }
            finding.help(match policy.policy.dialect {
                Dialect::Kubernetes => {
                    "add an egress rule for the port of the API server, 6443 in most clusters, to its address"
                }
                _ => "add a rule with `toEntities: [kube-apiserver]`, or what your network plugin has for it",
            });
            continue;
        }
        for (pods, object, why) in refused {
            let message = format!(
                "{says} closes the egress of the pods of {}, and no policy of theirs lets them reach the API server, \
                 which {why}",
                object.id
            );
            findings.about(repository.apps.get(pods.app), Some(object));
            let span = if pods.template.is_some() { pods.span } else { object.name_span() };
            findings
                .report(span, message)
                .label("no policy is about these pods")
                .related(policy.policy.egress.span, "closes egress for them")
                .help("add a policy for them that leads to the API server, with Cilium `toEntities: [kube-apiserver]`");
        }
    }
}

/// Who is known to call the API server.
struct Callers<'a> {
    /// Namespace and name of ServiceAccounts that some binding gives rights.
    bound: HashSet<(&'a str, &'a str)>,
}

impl<'a> Callers<'a> {
    fn of(repository: &'a Repository) -> Self {
        let mut bound = HashSet::new();
        for app in &repository.apps {
            for object in app.objects.iter().filter(|object| object.id.group == "rbac.authorization.k8s.io") {
                // Rights to use a security policy are no reason to call, nor are those of an account whose token others use.
                let role = object.root.str_at(&["roleRef", "name"]).unwrap_or_default();
                if role.contains(":scc:") || role.contains("psp") || role == "system:auth-delegator" {
                    continue;
                }
                for subject in object.root.get("subjects").map(Node::items).unwrap_or_default() {
                    if subject.str_at(&["kind"]) != Some("ServiceAccount") {
                        continue;
                    }
                    let Some(name) = subject.str_at(&["name"]) else { continue };
                    let own = repository.home_of(app, object);
                    bound.insert((subject.str_at(&["namespace"]).unwrap_or(own), name));
                }
            }
        }
        Self { bound }
    }

    /// What comes of it if the pods can't reach the API server; `None` if they may not need to.
    fn why(&self, object: &Object, pods: &PlacedPods) -> Option<&'static str> {
        if pods.template.is_some() {
            return Some(
                "the executor in every pod of a workflow reports its outcome to: the steps end in an error or hang until \
                 their deadline",
            );
        }
        let pod = Pod::of(object)?;
        let account = pod.spec.str_at(&["serviceAccountName"])?;
        let mounted = pod.spec.get("automountServiceAccountToken").and_then(Node::as_bool) != Some(false);
        let calls = mounted && account != "default" && self.bound.contains(&(pods.namespace.as_str(), account));
        calls.then_some("their ServiceAccount has rights for: every call times out")
    }
}
