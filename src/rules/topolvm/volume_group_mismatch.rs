//! See `rules/topolvm/topolvm-volume-group-mismatch.md`.

use super::device_classes;
use super::volume_groups::VolumeGroups;
use crate::finding::{Severity, nearest};
use crate::repository::Repository;
use crate::rules::charts::Values;
use crate::rules::{Check, Findings};
use crate::source::{RepoPath, Span};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut hosts = None;
    for app in &repository.apps {
        for release in app.releases.iter().filter(|release| release.chart.name == "topolvm") {
            let Some(values) = Values::of(release) else { continue };
            let Some(classes) = device_classes::of(values) else { continue };
            let hosts = hosts.get_or_insert_with(|| {
                let mut hosts = VolumeGroups::of(repository);
                hosts.found.retain(|(name, span, _)| !is_of_role(name, &repository.files.sources.file(span.file).path));
                hosts
            });
            if hosts.open || hosts.found.is_empty() {
                continue;
            }
            findings.about(Some(app), None);
            let of_chart = release.version_span.unwrap_or(release.chart_span);
            for class in classes {
                let Some(node) = class.node.get("volume-group") else { continue };
                let Some(wanted) = node.as_text().filter(|wanted| !wanted.contains("{{")) else { continue };
                if !hosts.found.iter().any(|(name, ..)| name == wanted) {
                    report(wanted, if class.written { node.span } else { of_chart }, hosts, findings);
                }
            }
        }
    }
}

/// Whether a role of Ansible makes a group that has the role's own name in it: `docker-vg` of the role `docker` is there for
/// that role's purpose.
fn is_of_role(group: &str, path: &RepoPath) -> bool {
    let mut parts = path.as_str().split('/').skip_while(|part| *part != "roles").skip(1);
    let is_storage = |role: &str| ["lvm", "storage", "disk", "volume"].iter().any(|word| role.contains(word));
    parts.next().is_some_and(|role| !is_storage(role) && group.split(['-', '_']).any(|word| word == role))
}

fn report(wanted: &str, place: Span, hosts: &VolumeGroups, findings: &mut Findings<'_>) {
    let mut names: Vec<&str> = hosts.found.iter().map(|(name, ..)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let listed: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let finding = findings.report(
        place,
        format!(
            "TopoLVM looks for the volume group `{wanted}`, but the hosts are given {}: lvmd stops with \"Volume group not \
             found\", and no volume can be made",
            listed.join(", ")
        ),
    );
    if !hosts.found.iter().any(|(.., declared)| *declared) {
        finding.severity(Severity::Warning);
    }
    for (name, span, _) in &hosts.found {
        finding.related(*span, format!("`{name}` is made here"));
    }
    let only = names.first().copied().filter(|_| names.len() == 1);
    match nearest(wanted, names.iter().copied()).or(only) {
        Some(meant) => finding.help(format!("write `{meant}`, or make `{wanted}` on the hosts")),
        None => finding.help(format!("name one of them, or make `{wanted}` on the hosts")),
    };
}
