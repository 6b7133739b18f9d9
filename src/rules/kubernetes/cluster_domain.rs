//! See `rules/kubernetes/kubernetes-cluster-domain.md`.

use crate::gitops::FileClass;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::{Node, Value};

pub(crate) const CHECK: Check = Check::Repository(check);

/// The domain of a cluster that says nothing else, as programs write it into addresses.
const COMMON: &str = ".svc.cluster.local";

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let Some((domain, place)) = domain(repository) else { return };
    for app in &repository.apps {
        for object in &app.objects {
            findings.about(Some(app), Some(object));
            let mut open = vec![&object.root];
            while let Some(node) = open.pop() {
                match &node.value {
                    // Where a list of names holds both domains, somebody thought of it.
                    Value::Scalar(text) if text.contains(COMMON) && !text.contains(domain.as_str()) => {
                        let message = format!(
                            "{} writes `{}`, but the cluster's domain is `{domain}`: the name does not resolve",
                            object.id,
                            COMMON.trim_start_matches('.')
                        );
                        let finding = findings.report(node.span, message);
                        finding.related(place, "the cluster's domain");
                        finding.help("leave the domain out, `name.namespace.svc` is enough, or write the cluster's");
                    }
                    Value::Scalar(_) => {}
                    Value::Sequence(items) => open.extend(items.iter().rev()),
                    Value::Mapping(mapping) => open.extend(mapping.iter().rev().map(|entry| &entry.value)),
                }
            }
        }
    }
}

/// The one domain that the configuration of the cluster says, if it is not the common one.
fn domain(repository: &Repository) -> Option<(String, Span)> {
    let mut found: Option<(String, Span)> = None;
    for file in repository.files.sources.files() {
        if repository.class(file.id) != FileClass::Configuration {
            continue;
        }
        let stream = repository.files.stream(file.id);
        for root in stream.documents.iter().filter_map(|document| document.root.as_ref()) {
            let Some(node) = stated(root) else { continue };
            let domain = node.as_text()?.trim_end_matches('.');
            if found.as_ref().is_some_and(|(known, _)| known != domain) {
                return None;
            }
            found = Some((domain.to_owned(), node.span));
        }
    }
    found.filter(|(domain, _)| domain != "cluster.local" && !domain.contains(['$', '{', '<']))
}

/// Where kubeadm, the kubelet or Talos is told the domain.
fn stated(root: &Node) -> Option<&Node> {
    let kind = root.str_at(&["kind"]);
    match kind {
        Some("ClusterConfiguration") => root.at(&["networking", "dnsDomain"]),
        Some("KubeletConfiguration") => root.get("clusterDomain"),
        _ => root.at(&["cluster", "network", "dnsDomain"]),
    }
}
