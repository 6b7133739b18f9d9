//! See `rules/pod/pod-anti-affinity-exceeds-nodes.md`.

use crate::finding::Finding;
use crate::helm::Release;
use crate::kubernetes::{Pod, selects};
use crate::repository::Repository;
use crate::rules::charts::{Setting, Values};
use crate::rules::claims::HOSTNAME;
use crate::rules::nodes::{self, Host};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let hosts = nodes::all(repository);
    if hosts.is_empty() {
        return;
    }
    for app in &repository.apps {
        for object in &app.objects {
            let workload = matches!(object.id.kind.as_str(), "Deployment" | "StatefulSet" | "ReplicaSet");
            let Some(pod) = Pod::of(object).filter(|_| workload) else { continue };
            let Some(count) = object.root.at(&["spec", "replicas"]) else { continue };
            let labels = pod.template.at(&["metadata", "labels"]);
            let Some(span) = pod.spec.at(&["affinity", "podAntiAffinity"]).and_then(|rules| required(rules, labels))
            else {
                continue;
            };
            let free = eligible(&hosts, pod.spec.get("nodeSelector"), pod.spec.get("tolerations"));
            if let Some(replicas) = count.as_i64().filter(|replicas| exceeds(*replicas, &free)) {
                findings.about(Some(app), Some(object));
                let who = object.id.to_string();
                let finding = report(span, &who, replicas, &hosts, &free, findings);
                finding.related(count.span, format!("{replicas} pods are asked for here"));
            }
        }
        for release in app.releases.iter().filter(|release| release.chart.name == "vault") {
            findings.about(Some(app), None);
            of_vault(release, &hosts, findings);
        }
    }
}

/// Vault of its chart: the servers of a high-available Vault keep apart from each other unless the values say otherwise.
fn of_vault(release: &Release, hosts: &[Host], findings: &mut Findings<'_>) {
    let Some(values) = Values::of(release).filter(|_| !release.incomplete) else { return };
    let count = values.get("server.ha.replicas");
    let affinity = values.get("server.affinity");
    let (Some(true), Some(replicas)) = (values.get("server.ha.enabled").bool(), count.node().and_then(Node::as_i64))
    else {
        return;
    };
    let keeps_apart = match affinity {
        // The default is a template: required, by host name.
        Setting::Default(_) => true,
        Setting::Written(node) => match node.as_str() {
            Some(text) => {
                text.contains("podAntiAffinity")
                    && text.contains("requiredDuringSchedulingIgnoredDuringExecution")
                    && text.contains(HOSTNAME)
            }
            None => node.get("podAntiAffinity").and_then(|rules| required(rules, None)).is_some(),
        },
        Setting::Unknown => false,
    };
    let map =
        |path: &str| values.written(path).filter(|node| node.as_mapping().is_some() || node.as_sequence().is_some());
    let free = eligible(hosts, map("server.nodeSelector"), map("server.tolerations"));
    let text =
        |path: &str| values.written(path).is_some_and(|node| node.as_text().is_some_and(|text| !text.is_empty()));
    if !keeps_apart || text("server.tolerations") || !exceeds(replicas, &free) {
        return;
    }
    let span = affinity.span().or(count.span()).or(release.version_span).unwrap_or(release.chart_span);
    let who = format!("the chart vault of `{}`", release.name);
    let finding = report(span, &who, replicas, hosts, &free, findings);
    if affinity.span().is_none() {
        finding.related(
            release.version_span.unwrap_or(release.chart_span),
            "the chart keeps its servers apart by default",
        );
    }
    finding.help(
        "let them share a host where they must: write `server.affinity` with `preferredDuringSchedulingIgnoredDuringExecution`; \
         or use fewer replicas",
    );
}

/// Where a required rule keeps pods with these labels apart from each other by host (of a `podAffinity`: together);
/// without labels, any such rule.
pub(in crate::rules) fn required(rules: &Node, labels: Option<&Node>) -> Option<Span> {
    let terms = rules.get("requiredDuringSchedulingIgnoredDuringExecution")?;
    let apart = |term: &&Node| {
        let own = match (labels, term.get("labelSelector")) {
            (Some(labels), Some(selector)) => selects(selector, Some(labels)) == Some(true),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        own && term.str_at(&["topologyKey"]) == Some(HOSTNAME)
    };
    terms.items().iter().find(apart).map(|term| term.get("topologyKey").map_or(term.span, |key| key.span))
}

/// The nodes that may take a pod, as far as can be said against one.
fn eligible<'a>(hosts: &'a [Host], selector: Option<&Node>, tolerations: Option<&Node>) -> Vec<&'a Host> {
    // Which taint a toleration means is only known of the usual ones; another may let the pod onto the control plane too.
    let tolerates = tolerations.is_some_and(|list| !list.items().is_empty() || list.is_unknown());
    let wanted: Vec<(&str, &str)> = selector
        .map(Node::entries)
        .unwrap_or_default()
        .iter()
        .filter_map(|label| Some((label.key.text.as_str(), label.value.as_text()?)))
        .collect();
    let has = |host: &Host, key: &str, value: &str| {
        key == HOSTNAME && host.name == value || host.labels.iter().any(|(own, text)| own == key && text == value)
    };
    // A label that no node is known to have is set by somebody else, on nobody knows which nodes.
    let known: Vec<_> = wanted
        .into_iter()
        .filter(|(key, _)| *key == HOSTNAME || hosts.iter().any(|host| host.labels.iter().any(|(own, _)| own == key)))
        .collect();
    let fits = |host: &&Host| (tolerates || !host.tainted) && known.iter().all(|(key, value)| has(host, key, value));
    hosts.iter().filter(fits).collect()
}

fn exceeds(replicas: i64, free: &[&Host]) -> bool {
    i64::try_from(free.len()).is_ok_and(|free| replicas > free)
}

fn report<'f>(
    span: Span,
    who: &str,
    replicas: i64,
    hosts: &[Host],
    free: &[&Host],
    findings: &'f mut Findings<'_>,
) -> &'f mut Finding {
    let names: Vec<&str> = free.iter().map(|host| host.name.as_str()).collect();
    let nodes = match names.as_slice() {
        [] => "no node can take one".to_owned(),
        [only] => format!("only one node can take one, {only}"),
        [..] => format!("only {} nodes can take one, {}", names.len(), names.join(", ")),
    };
    let left = replicas - i64::try_from(free.len()).unwrap_or_default();
    let message = format!(
        "the {replicas} pods of {who} must be on different hosts, but {nodes}: {left} of them {} Pending, \"node(s) didn't match \
         pod anti-affinity rules\"",
        if left == 1 { "stays" } else { "stay" }
    );
    let finding = findings.report(span, message);
    for host in hosts.iter().filter(|host| !free.iter().any(|free| free.name == host.name)).take(4) {
        let why = if host.tainted { "runs the control plane" } else { "lacks a label that the pods ask for" };
        finding.related(host.span, format!("{} {why}", host.name));
    }
    for host in free.iter().take(4) {
        finding.related(host.span, format!("{} can take one", host.name));
    }
    finding.help("write `preferredDuringSchedulingIgnoredDuringExecution` instead, or use fewer replicas")
}
