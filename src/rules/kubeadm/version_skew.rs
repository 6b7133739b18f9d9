//! See `rules/kubeadm/kubeadm-version-skew.md`.

use super::statements::{Component, Statement, clusters};
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    for cluster in clusters(repository) {
        let server = cluster.iter().find(|statement| statement.component == Component::ApiServer);
        // What kubeadm is told to install stands for an API server that no manifest shows.
        let told = || cluster.iter().find(|statement| statement.component == Component::Kubeadm);
        let Some(server) = server.or_else(told) else { continue };
        for other in &cluster {
            if let Some(fault) = fault(server, other) {
                tell(server, other, fault, findings);
            }
        }
    }
}

/// What is wrong with a component beside an API server. Source: kubernetes.io, version skew policy.
fn fault(server: &Statement, other: &Statement) -> Option<&'static str> {
    let ahead = other.release.line.minors_ahead_of(server.release.line)?;
    match other.component {
        Component::ApiServer | Component::Kubeadm | Component::Etcd => None,
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
