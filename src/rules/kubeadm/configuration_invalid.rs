//! See `rules/kubeadm/kubeadm-configuration-invalid.md`.

use crate::gitops::FileClass;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::SourceFile;
use crate::yaml::{Node, Stream};

pub(crate) const CHECK: Check = Check::File(check);

/// Fields that hold arguments of a program: a map until v1beta3, a list of names and values since v1beta4.
const ARGUMENTS: [&[&str]; 5] = [
    &["apiServer", "extraArgs"],
    &["controllerManager", "extraArgs"],
    &["scheduler", "extraArgs"],
    &["etcd", "local", "extraArgs"],
    &["nodeRegistration", "kubeletExtraArgs"],
];

fn check(file: &SourceFile, stream: &Stream, repository: &Repository, findings: &mut Findings<'_>) {
    if repository.class(file.id) != FileClass::Configuration {
        return;
    }
    let mut versions: Vec<(&Node, &str)> = Vec::new();
    for root in stream.documents.iter().filter_map(|document| document.root.as_ref()) {
        let Some(node) = root.get("apiVersion") else { continue };
        let Some(version) = node.as_text().and_then(|text| text.strip_prefix("kubeadm.k8s.io/")) else { continue };
        versions.push((node, version));
        look(root, version, findings);
    }
    let Some(((first, first_version), later)) = versions.split_first() else { return };
    if let Some((node, version)) = later.iter().find(|(_, version)| version != first_version) {
        let message = format!(
            "this file speaks to kubeadm in {first_version} and in {version}: kubeadm reads all documents of a file in one \
             version and refuses it"
        );
        findings
            .report(node.span, message)
            .related(first.span, "the other version")
            .help("write one version everywhere");
    }
}

fn look(root: &Node, version: &str, findings: &mut Findings<'_>) {
    for path in ARGUMENTS {
        let Some(arguments) = root.at(path).filter(|arguments| !arguments.is_unknown()) else { continue };
        let field = path.join(".");
        let holder = path.split_last().and_then(|(last, above)| root.at(above)?.as_mapping()?.entry(last));
        let place = holder.map_or(arguments.span, |entry| entry.key.span);
        let (is_map, is_list) = (arguments.as_mapping().is_some(), arguments.as_sequence().is_some());
        match version {
            "v1beta4" if is_map => {
                let message = format!("`{field}` is a list in v1beta4, not a map: kubeadm refuses the file");
                findings.report(place, message).help("write each argument as `- {name: …, value: …}`");
            }
            "v1beta1" | "v1beta2" | "v1beta3" if is_list => {
                let message = format!("`{field}` is a map before v1beta4, not a list: kubeadm refuses the file");
                findings.report(place, message).help("write each argument as `name: value`");
            }
            _ => {}
        }
    }
    let timeout = root.at(&["apiServer", "timeoutForControlPlane"]);
    if let Some(timeout) = timeout.filter(|_| version == "v1beta4") {
        let message = "`apiServer.timeoutForControlPlane` is gone in v1beta4: kubeadm does not wait longer for it";
        findings.report(timeout.span, message).help(
            "write `timeouts.controlPlaneComponentHealthCheck` in InitConfiguration and JoinConfiguration, and \
             `timeouts.upgradeManifests` in UpgradeConfiguration, which is what an upgrade waits for each manifest (5m)",
        );
    }
}
