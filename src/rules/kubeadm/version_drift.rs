//! See `rules/kubeadm/kubeadm-version-drift.md`.

use super::statements::{Component, clusters};
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    for cluster in clusters(repository) {
        let Some(told) = cluster.iter().find(|statement| statement.component == Component::Kubeadm) else { continue };
        let of_kubeadm =
            |component| matches!(component, Component::ApiServer | Component::ControllerManager | Component::Scheduler);
        let mut others = cluster.iter().filter(|other| of_kubeadm(other.component) && other.release != told.release);
        let Some(first) = others.next() else { continue };
        let message = format!(
            "kubeadm's configuration says {}, and {} is {}: an upgrade stopped halfway, and the next run of kubeadm takes \
             the one for the other",
            told.release,
            first.component.name(),
            first.release
        );
        let finding = findings.report(told.span, message);
        finding.label(format!("{}", told.release));
        for other in std::iter::once(first).chain(others) {
            finding.related(other.span, format!("{}: {}", other.component.name(), other.release));
        }
        finding.help("write the release that runs into both");
    }
}
