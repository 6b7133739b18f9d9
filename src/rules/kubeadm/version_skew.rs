//! See `rules/kubeadm/kubeadm-version-skew.md`.

use super::statements::{Component, Statement, clusters, servers};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::Span;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    // What is said of all nodes of a control plane is told once.
    let mut told: Vec<Span> = Vec::new();
    for cluster in clusters(repository) {
        let of = |component| cluster.iter().find(|statement| statement.component == component);
        // What somebody is told to install stands for an API server that no manifest shows.
        let server =
            of(Component::ApiServer).or_else(|| of(Component::Kubeadm)).or_else(|| of(Component::ControlPlane));
        let Some(server) = server else { continue };
        for other in &cluster {
            if let Some(fault) = fault(server, other)
                && !told.contains(&other.span)
            {
                told.push(other.span);
                tell(server, other, fault, findings);
            }
        }
    }
    for servers in servers(repository) {
        of_servers(&servers, findings);
    }
}

/// API servers of one control plane may be one minor release apart, as they are during an upgrade.
fn of_servers(servers: &[Statement], findings: &mut Findings<'_>) {
    let newest = servers.iter().max_by_key(|server| server.release);
    let oldest = servers.iter().min_by_key(|server| server.release);
    let (Some(newest), Some(oldest)) = (newest, oldest) else { return };
    if newest.release.line.minors_ahead_of(oldest.release.line).is_none_or(|ahead| ahead < 2) {
        return;
    }
    let message = format!(
        "this API server is {}, and another of the same control plane {}: they may be one minor release apart. What the newer \
         one stores, the older one may not be able to read, and which of them answers is chance",
        oldest.release, newest.release
    );
    let finding = findings.report(oldest.span, message);
    finding.label(format!("{}", oldest.release)).related(newest.span, format!("kube-apiserver: {}", newest.release));
    finding.help("upgrade one minor release at a time, and all nodes of the control plane before the next");
}

/// What is wrong with a component beside an API server. Source: kubernetes.io, version skew policy.
fn fault(server: &Statement, other: &Statement) -> Option<&'static str> {
    let ahead = other.release.line.minors_ahead_of(server.release.line)?;
    match other.component {
        Component::ApiServer | Component::Kubeadm | Component::ControlPlane | Component::Etcd => None,
        _ if ahead > 0 => Some("it is newer than the API server, and asks it for what is not served yet"),
        Component::ControllerManager | Component::Scheduler if ahead < -1 => {
            Some("it is more than one minor release older than the API server")
        }
        Component::Kubelet | Component::Proxy if ahead < -3 => {
            Some("it is more than three minor releases older than the API server")
        }
        _ => None,
    }
}

fn tell(server: &Statement, other: &Statement, fault: &str, findings: &mut Findings<'_>) {
    let (name, server_name) = (other.component.name(), server.component.name());
    let message = format!(
        "{name} is {} and {server_name} {}: {fault}. Kubernetes does not support this: nodes stay NotReady, or new pods Pending",
        other.release, server.release
    );
    let finding = findings.report(other.span, message);
    finding.label(format!("{}", other.release)).related(server.span, format!("{server_name}: {}", server.release));
    finding.help("upgrade the API server first, one minor release at a time, then the rest");
}
