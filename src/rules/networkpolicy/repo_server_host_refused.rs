//! See `rules/networkpolicy/networkpolicy-repo-server-host-refused.md`.

use std::collections::BTreeMap;

use super::{destinations, words};
use crate::finding::Severity;
use crate::kubernetes::network_policy::{Direction, Match, PodLabels, Port, Who};
use crate::repository::Repository;
use crate::repository::network::{Group, Network, Verdict};
use crate::rules::{Check, Findings};
use crate::source::Span;

pub(crate) const CHECK: Check = Check::Repository(check);

/// Places of the same host that are shown.
const MOST_PLACES: usize = 8;

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let network = repository.network();
    let hosts = hosts(repository);
    if hosts.is_empty() {
        return;
    }
    let labels = repo_server();
    let mut namespaces: Vec<&str> = network.policies.iter().map(|policy| policy.namespace.as_str()).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    for namespace in namespaces {
        let group = Group { cluster: None, namespace, labels: &labels };
        // A policy for every pod of a namespace does not say that Argo CD is there.
        let is_here = network.selecting(group).any(|(_, policy, selected)| {
            let subject = &policy.policy.subject;
            selected == Match::Yes && !policy.namespace.is_empty() && subject.labels.names_value()
        });
        if is_here {
            judge(&hosts, group, network, repository, findings);
        }
    }
}

/// The labels of the repo-server's pods.
/// Source: argo-cd, `manifests/base/repo-server`, and the argo-cd chart's `argo-cd.labels`.
fn repo_server() -> PodLabels {
    let mut labels = PodLabels::default();
    labels.set("app.kubernetes.io/name", Some("argocd-repo-server".into()));
    labels.set("app.kubernetes.io/component", Some("repo-server".into()));
    labels.set("app.kubernetes.io/part-of", Some("argocd".into()));
    labels
}

fn judge<'a>(
    hosts: &BTreeMap<Host<'a>, Vec<Span>>,
    group: Group<'_>,
    network: &Network,
    repository: &'a Repository,
    findings: &mut Findings<'a>,
) {
    let mut refused: Vec<(&str, &[Span])> = Vec::new();
    let mut by = Vec::new();
    for (host, places) in hosts {
        let port = Port { number: Ok(host.port), last: None, protocol: Some("TCP".into()), span: group_span(places) };
        let takes = |_: &_, rule: &_| destinations::host(rule, host.name);
        if let Verdict::Denied(policies) = network.judge_by(Direction::Egress, group, Some(&port), takes) {
            refused.push((host.name, places));
            by = policies;
        }
    }
    // Where no rule names a host, something else may stand between: a proxy, a mirror.
    let names_hosts = |at: &usize| {
        let policy = network.policies.get(*at)?;
        let mut peers = policy.policy.egress.allow.iter().flat_map(|rule| rule.peers.iter().flatten());
        let last = peers.rfind(|peer| matches!(peer.who, Who::Host(_)))?;
        Some((policy, last.span))
    };
    let Some((policy, span)) = by.iter().find_map(names_hosts) else { return };
    let names: Vec<String> = refused.iter().map(|(name, _)| format!("`{name}`")).collect();
    let message = format!(
        "Argo CD's repo-server fetches from {}, but no egress rule lets its pods reach {}: apps that come from there turn \
         Unknown, with a timeout while manifests are generated",
        words::listed(&names),
        if names.len() == 1 { "it" } else { "them" }
    );
    findings.about(repository.apps.get(policy.app), policy.object(repository));
    let finding = findings.report(span, message);
    finding.label(if names.len() == 1 { "not among these hosts" } else { "they are not among these hosts" });
    for (name, places) in refused.iter().take(MOST_PLACES) {
        if let Some(place) = places.first() {
            finding.related(*place, format!("an app comes from `{name}`"));
        }
    }
    finding.help("add the hosts to `toFQDNs`; a registry that redirects its downloads needs those hosts too");
    // A name opens the addresses behind it, and all pages of GitHub are behind the same.
    let pages = ".github.io";
    let mut peers = policy.policy.egress.allow.iter().flat_map(|rule| rule.peers.iter().flatten());
    let opened = peers.any(|peer| matches!(&peer.who, Who::Host(name) if name.ends_with(pages)));
    if opened && refused.iter().all(|(name, _)| name.ends_with(pages)) {
        finding.severity(Severity::Info);
    }
}

fn group_span(places: &[Span]) -> Span {
    places.first().copied().unwrap_or(Span::start_of(crate::source::FileId(0)))
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Host<'a> {
    name: &'a str,
    port: u16,
}

/// The hosts outside from which apps come, with the places that name them.
fn hosts(repository: &Repository) -> BTreeMap<Host<'_>, Vec<Span>> {
    let mut hosts: BTreeMap<Host<'_>, Vec<Span>> = BTreeMap::new();
    for application in repository.apps.iter().filter_map(|app| app.app.application.as_ref()) {
        for node in application.sources().into_iter().filter_map(|source| source.get("repoURL")) {
            if let Some(host) = node.as_text().and_then(host_of) {
                hosts.entry(host).or_default().push(application.written_at(node));
            }
        }
    }
    hosts
}

/// The host of a repository's URL, as far as it is one outside of the cluster.
fn host_of(url: &str) -> Option<Host<'_>> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split('/').next()?;
    let (user, host) = authority.split_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, port.parse().ok()));
    let usual = match scheme {
        "http" => 80,
        "ssh" | "git+ssh" => 22,
        "" if user.is_some() => 22,
        _ => 443,
    };
    let is_name = name.contains('.') && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    let is_address = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let inside = name.ends_with(".svc") || name.contains(".svc.") || name.ends_with(".local");
    (is_name && !is_address && !inside).then_some(Host { name, port: port.unwrap_or(usual) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_repositories() {
        let found = |url| host_of(url).map(|host| (host.name, host.port));
        assert_eq!(found("https://git.example.org/a/b.git"), Some(("git.example.org", 443)));
        assert_eq!(found("git@git.example.org:a/b.git"), Some(("git.example.org", 22)));
        assert_eq!(found("ssh://git@git.example.org:2222/a"), Some(("git.example.org", 2222)));
        assert_eq!(found("registry.example.org/charts"), Some(("registry.example.org", 443)));
        for url in ["https://git.code.svc/a", "http://10.0.0.1/a", "https://{{host}}/a", "charts"] {
            assert_eq!(found(url), None, "{url}");
        }
    }
}
