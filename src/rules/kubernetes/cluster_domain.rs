//! See `rules/kubernetes/kubernetes-cluster-domain.md`.

use crate::gitops::FileClass;
use crate::repository::belonging::nearest;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::{FileId, RepoPath, Span};
use crate::yaml::{Node, Value};

pub(crate) const CHECK: Check = Check::Repository(check);

/// The domain of a cluster that says nothing else.
const COMMON_DOMAIN: &str = "cluster.local";

/// That domain, as programs write it into addresses.
const COMMON: &str = ".svc.cluster.local";

/// A domain, and where a cluster is told it.
#[derive(Clone)]
struct Statement {
    domain: String,
    place: Span,
}

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let stated = stated(repository);
    if stated.iter().all(|statement| statement.domain == COMMON_DOMAIN) {
        return;
    }
    for app in &repository.apps {
        for object in &app.objects {
            findings.about(Some(app), Some(object));
            let mut open = vec![&object.root];
            while let Some(node) = open.pop() {
                match &node.value {
                    Value::Scalar(text) if text.contains(COMMON) => {
                        let Some(statement) = domain_at(node.span.file, app, &stated, repository) else { continue };
                        // Where a text holds both domains, somebody thought of it.
                        if text.contains(statement.domain.as_str()) {
                            continue;
                        }
                        let message = format!(
                            "{} writes `{}`, but the cluster's domain is `{}`: the name does not resolve",
                            object.id,
                            COMMON.trim_start_matches('.'),
                            statement.domain
                        );
                        let start = text.find(COMMON).unwrap_or_default() + 1;
                        let part = repository.files.part(node, start..start + COMMON.len() - 1);
                        let finding = findings.report(part.unwrap_or(node.span), message);
                        finding.related(statement.place, "the cluster's domain");
                        finding.help("leave the domain out, `name.namespace.svc` is enough, or write the cluster's");
                    }
                    Value::Scalar(_) => {}
                    Value::Sequence(items) if holds_both(items, &stated) => {}
                    Value::Sequence(items) => open.extend(items.iter().rev()),
                    Value::Mapping(mapping) => open.extend(mapping.iter().rev().map(|entry| &entry.value)),
                }
            }
        }
    }
}

/// Whether a list has a name under one of the stated domains beside the common one, as the names of a certificate do.
fn holds_both(items: &[Node], stated: &[Statement]) -> bool {
    let own = |text: &str| stated.iter().any(|one| one.domain != COMMON_DOMAIN && text.contains(one.domain.as_str()));
    items.iter().filter_map(Node::as_text).any(own)
}

/// The domain of the cluster that an object's line is for, if it is not the common one.
fn domain_at<'s>(
    file: FileId,
    app: &BuiltApp,
    stated: &'s [Statement],
    repository: &Repository,
) -> Option<&'s Statement> {
    let place = |file: FileId| repository.files.sources.file(file).path.clone();
    let said = || stated.iter().map(|one| (place(one.place.file), one.domain.as_str()));
    let own: RepoPath = place(file);
    let domain = nearest(&own, said())?;
    // A base may be of any cluster; what deploys it is of one.
    if let Some(declaration) = app.app.declared.span()
        && nearest(&place(declaration.file), said()).is_some_and(|other| other != domain)
    {
        return None;
    }
    stated.iter().find(|one| one.domain == domain && one.domain != COMMON_DOMAIN)
}

/// Every domain that the configuration of a cluster says.
fn stated(repository: &Repository) -> Vec<Statement> {
    let mut found = Vec::new();
    for file in repository.files.sources.files() {
        // Talos' machine configurations have no kind, and so no class of their own.
        let class = repository.class(file.id);
        if class != FileClass::Configuration && !(class == FileClass::Other && crate::is_yaml(&file.path)) {
            continue;
        }
        let stream = repository.files.stream(file.id);
        for root in stream.documents.iter().filter_map(|document| document.root.as_ref()) {
            found.extend(statement(root).filter(|_| class == FileClass::Configuration || root.get("kind").is_none()));
        }
    }
    found
}

/// What kubeadm, the kubelet or Talos is told. Without a word, kubeadm takes the common domain.
fn statement(root: &Node) -> Option<Statement> {
    let node = match root.str_at(&["kind"]) {
        Some("ClusterConfiguration") => match root.at(&["networking", "dnsDomain"]) {
            Some(node) => node,
            None => return Some(Statement { domain: COMMON_DOMAIN.to_owned(), place: root.span }),
        },
        Some("KubeletConfiguration") => root.get("clusterDomain")?,
        _ => root.at(&["cluster", "network", "dnsDomain"])?,
    };
    let domain = node.as_text()?.trim_end_matches('.').to_owned();
    Some(Statement { domain, place: node.span }).filter(|one| !one.domain.contains(['$', '{', '<']))
}
