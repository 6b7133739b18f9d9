//! See `rules/kubeadm/kubeadm-addon-version.md`.

use std::sync::LazyLock;

use super::release::Release;
use super::statements::{Component, clusters};
use crate::finding::Severity;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// What kubeadm installs from a release on.
struct Row {
    kubernetes: Release,
    coredns: Release,
    etcd: Release,
}

static TABLE: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let lines = include_str!("../../../rules/data/kubeadm-images.tsv").lines();
    // The first line that is no comment names the columns.
    let lines = lines.filter(|line| !line.starts_with('#')).skip(1);
    let row = |line: &str| {
        let mut cells = line.split('\t').map(Release::parse);
        Some(Row { kubernetes: cells.next()??, coredns: cells.next()??, etcd: cells.next()?? })
    };
    lines.filter_map(row).collect()
});

/// What kubeadm installs for a release; `None` if the table does not know the minor.
fn row_of(kubernetes: Release) -> Option<&'static Row> {
    let same_minor = TABLE.iter().filter(|row| row.kubernetes.line == kubernetes.line);
    same_minor.filter(|row| row.kubernetes <= kubernetes).max_by_key(|row| row.kubernetes)
}

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    for cluster in clusters(repository) {
        let of = |component| cluster.iter().find(|statement| statement.component == component);
        let (Some(server), Some(etcd)) = (of(Component::ApiServer), of(Component::Etcd)) else { continue };
        let wanted = row_of(server.release).map(|row| row.etcd);
        judge("etcd", etcd.release, etcd.span, wanted, (server.release, server.span), findings);
    }
    for file in repository.files.sources.files() {
        if !crate::is_yaml(&file.path) || repository.config.skip.matches(&file.path) {
            continue;
        }
        for document in &repository.files.stream(file.id).documents {
            let is_kubeadm =
                |root: &&Node| root.str_at(&["apiVersion"]).is_some_and(|text| text.starts_with("kubeadm.k8s.io/"));
            if let Some(root) = document.root.as_ref().filter(is_kubeadm) {
                look(root, findings);
            }
        }
    }
}

/// The tags that a configuration of kubeadm sets by hand.
fn look(root: &Node, findings: &mut Findings<'_>) {
    let release = |path: &[&str]| root.at(path).and_then(|node| Some((Release::parse(node.as_text()?)?, node.span)));
    let Some(kubernetes) = release(&["kubernetesVersion"]) else { return };
    let Some(row) = row_of(kubernetes.0) else { return };
    for (name, path, wanted) in
        [("CoreDNS", &["dns", "imageTag"][..], row.coredns), ("etcd", &["etcd", "local", "imageTag"], row.etcd)]
    {
        if let Some((found, span)) = release(path) {
            judge(name, found, span, Some(wanted), kubernetes, findings);
        }
    }
}

fn judge(
    name: &str,
    found: Release,
    span: Span,
    wanted: Option<Release>,
    (kubernetes, place): (Release, Span),
    findings: &mut Findings<'_>,
) {
    let Some(wanted) = wanted.filter(|wanted| *wanted != found) else { return };
    let behind = found.line < wanted.line;
    let message = if behind {
        format!("{name} {found} is older than what Kubernetes {kubernetes} is tested with: kubeadm installs {wanted}")
    } else {
        format!("kubeadm installs {name} {wanted} with Kubernetes {kubernetes}, not {found}")
    };
    let finding = findings.report(span, message);
    if !behind {
        finding.severity(Severity::Info);
    }
    finding
        .related(place, format!("Kubernetes {kubernetes}"))
        .help(format!("take {wanted}, or leave the tag to kubeadm"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_hold_until_the_next_of_their_minor() {
        let lines = include_str!("../../../rules/data/kubeadm-images.tsv").lines();
        assert_eq!(TABLE.len(), lines.filter(|line| !line.starts_with('#')).skip(1).count());
        let etcd = |text| Release::parse(text).and_then(row_of).map(|row| row.etcd.to_string());
        assert_eq!(etcd("v1.34.1").as_deref(), Some("3.6.4"));
        assert_eq!(etcd("v1.34.9").as_deref(), Some("3.6.5"));
        assert_eq!(etcd("v1.99.0"), None);
    }
}
