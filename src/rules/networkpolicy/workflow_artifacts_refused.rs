//! See `rules/networkpolicy/networkpolicy-workflow-artifacts-refused.md`.

use std::collections::BTreeMap;

use super::{destinations, words};
use crate::gitops::Standing;
use crate::kubernetes::Object;
use crate::kubernetes::network_policy::{Direction, Match, Port, Rule};
use crate::repository::Repository;
use crate::repository::network::{Network, PlacedPods, PlacedPolicy, Verdict};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// Workflows of one policy that are shown with their places.
const MOST_PLACES: usize = 4;

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let network = repository.network();
    let Some(store) = Store::of(repository) else { return };
    let mut by_policy: BTreeMap<usize, Vec<(&PlacedPods, &Object)>> = BTreeMap::new();
    for pods in network.pods.iter().filter(|pods| pods.template.is_some() && !pods.host_network) {
        let Some(object) = repository.apps.get(pods.app).and_then(|app| app.objects.get(pods.object)) else { continue };
        if !store.is_used_by(object, pods) {
            continue;
        }
        let takes = |policy: &PlacedPolicy, rule: &Rule| store.is_reached(policy, rule);
        let Verdict::Denied(by) = network.judge_by(Direction::Egress, pods.group(), None, takes) else { continue };
        let own = |at: &&usize| network.policies.get(**at).is_some_and(|policy| !policy.namespace.is_empty());
        let Some(at) = by.iter().find(own) else { continue };
        let list = by_policy.entry(*at).or_default();
        if !list.iter().any(|(_, known)| std::ptr::eq(*known, object)) {
            list.push((pods, object));
        }
    }
    for (at, refused) in by_policy {
        report(at, &refused, &store, network, repository, findings);
    }
}

fn report<'a>(
    at: usize,
    refused: &[(&PlacedPods, &Object)],
    store: &Store<'_>,
    network: &Network,
    repository: &'a Repository,
    findings: &mut Findings<'a>,
) {
    let Some(policy) = network.policies.get(at) else { return };
    let names: Vec<String> = refused.iter().map(|(_, object)| object.id.to_string()).collect();
    let message = format!(
        "{} closes the egress of the pods of {}, and no rule lets them reach the artifact repository `{}`, to which the \
         executor uploads {}: every step ends in an error",
        policy.name(repository),
        words::listed(&names),
        store.endpoint,
        if store.archives_logs { "each step's log" } else { "what the steps put out" },
    );
    findings.about(repository.apps.get(policy.app), policy.object(repository));
    let finding = findings.report(policy.policy.egress.span, message);
    finding.label("nothing here leads to the artifact repository").related(store.span, "the artifact repository");
    for (pods, _) in refused.iter().take(MOST_PLACES) {
        finding.related(pods.span, "runs with this policy");
    }
    finding.help(match store.service {
        Some((_, namespace)) => {
            format!("allow egress to the pods behind it in namespace `{namespace}`, on their own port")
        }
        None => "allow egress to its host".to_owned(),
    });
}

/// Where the workflow controller tells executors to put artifacts.
struct Store<'a> {
    endpoint: &'a str,
    span: Span,
    /// Name and namespace of the Service, if it is one.
    service: Option<(&'a str, &'a str)>,
    host: &'a str,
    port: Option<u16>,
    archives_logs: bool,
}

impl<'a> Store<'a> {
    /// The one that the values of the argo-workflows chart set; `None` if there are none, or several.
    fn of(repository: &'a Repository) -> Option<Self> {
        let deployed = repository.apps.iter().filter(|app| app.app.standing == Standing::Deployed);
        let releases = deployed.flat_map(|app| &app.releases).filter(|release| release.chart.name == "argo-workflows");
        let mut stores = releases.filter_map(|release| Self::read(release.values.get("artifactRepository")?));
        let first = stores.next()?;
        stores.all(|other| other.endpoint == first.endpoint).then_some(first)
    }

    fn read(settings: &'a Node) -> Option<Self> {
        let node = settings.at(&["s3", "endpoint"])?;
        let endpoint = node.as_text().filter(|text| !text.contains("{{") && !text.contains('$'))?;
        let (host, port) = endpoint.split_once(':').map_or((endpoint, None), |(host, port)| (host, port.parse().ok()));
        let labels: Vec<&str> = host.split('.').collect();
        let service = match labels.as_slice() {
            [name, namespace] | [name, namespace, "svc"] => Some((*name, *namespace)),
            [name, namespace, "svc", domain @ ..] if !domain.is_empty() => Some((*name, *namespace)),
            _ => None,
        };
        // A name of two labels may be a host outside; its port tells.
        let service = service.filter(|_| labels.len() > 2 || port.is_some_and(|port| port != 443));
        let archives_logs = settings.get("archiveLogs").and_then(Node::as_bool) == Some(true);
        Some(Self { endpoint, span: node.span, service, host, port, archives_logs })
    }

    /// Whether the executor of these pods needs it.
    fn is_used_by(&self, object: &Object, pods: &PlacedPods) -> bool {
        let spec = match &*object.id.kind {
            "CronWorkflow" => object.root.at(&["spec", "workflowSpec"]),
            _ => object.root.get("spec"),
        };
        let Some(spec) = spec else { return false };
        let named = |node: &&Node| node.str_at(&["name"]) == pods.template.as_deref();
        let template = spec.get("templates").map(Node::items).unwrap_or_default().iter().find(named);
        let Some(template) = template else { return false };
        if spec.get("artifactRepositoryRef").is_some() || template.get("archiveLocation").is_some() {
            return false;
        }
        let logs = spec.get("archiveLogs").and_then(Node::as_bool).unwrap_or(self.archives_logs);
        logs || template.at(&["outputs", "artifacts"]).is_some_and(|list| !list.items().is_empty())
    }

    fn is_reached(&self, policy: &PlacedPolicy, rule: &Rule) -> Match {
        let Some((_, namespace)) = self.service else {
            let port = Port {
                number: Ok(self.port.unwrap_or(443)),
                last: None,
                protocol: Some("TCP".into()),
                span: self.span,
            };
            return destinations::host(rule, self.host).and(rule.takes_port(&port));
        };
        // The Service's port may lead to another one of its pods, so the rule's is not compared.
        destinations::namespace(policy, rule, namespace)
    }
}
