//! See `rules/kubeadm/kubeadm-version-drift.md`.

use super::statements::{Component, Statement, clusters};
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    // By the place of what kubeadm is told: the nodes of one control plane are told of together.
    let mut drifts: Vec<(Statement, Vec<Statement>)> = Vec::new();
    for cluster in clusters(repository) {
        let Some(told) = cluster.iter().find(|statement| statement.component == Component::Kubeadm) else { continue };
        let of_kubeadm =
            |component| matches!(component, Component::ApiServer | Component::ControllerManager | Component::Scheduler);
        let others =
            cluster.iter().filter(|other| of_kubeadm(other.component) && other.release != told.release).copied();
        match drifts.iter_mut().find(|(known, _)| known.span == told.span) {
            Some((_, known)) => known.extend(others),
            None => drifts.push((*told, others.collect())),
        }
    }
    for (told, others) in drifts {
        let Some(first) = others.first() else { continue };
        let message = format!(
            "kubeadm's configuration says {}, and {} is {}: an upgrade stopped halfway, and the next run of kubeadm takes \
             the one for the other",
            told.release,
            first.component.name(),
            first.release
        );
        let finding = findings.report(told.span, message);
        finding.label(format!("{}", told.release));
        for other in &others {
            finding.related(other.span, format!("{}: {}", other.component.name(), other.release));
        }
        finding.help("write the release that runs into both");
    }
}
