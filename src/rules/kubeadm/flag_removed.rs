//! See `rules/kubeadm/kubeadm-flag-removed.md`.

use crate::gitops::{Declared, FileClass};
use crate::kubernetes::{Pod, Version};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// An argument that a program no longer takes: program, argument, the value it is about (any if empty), the release that
/// dropped it, what to do.
///
/// Sources: the change logs of Kubernetes 1.20 to 1.35.
type Row = (&'static str, &'static str, &'static str, Version, &'static str);

const REMOVED: [Row; 14] = [
    ("kube-apiserver", "insecure-port", "", Version::new(1, 24), "drop it: there is no port without TLS any more"),
    (
        "kube-apiserver",
        "insecure-bind-address",
        "",
        Version::new(1, 24),
        "drop it: there is no port without TLS any more",
    ),
    (
        "kube-apiserver",
        "enable-admission-plugins",
        "PodSecurityPolicy",
        Version::new(1, 25),
        "take PodSecurityPolicy from the list; PodSecurity is on by default",
    ),
    ("kube-controller-manager", "port", "", Version::new(1, 24), "drop it"),
    ("kube-controller-manager", "address", "", Version::new(1, 24), "write `--bind-address`"),
    ("kube-scheduler", "port", "", Version::new(1, 24), "drop it"),
    ("kube-scheduler", "address", "", Version::new(1, 24), "write `--bind-address`"),
    ("kubelet", "network-plugin", "", Version::new(1, 24), "drop it: the container runtime finds the network plugin"),
    ("kubelet", "cni-bin-dir", "", Version::new(1, 24), "set it in the container runtime"),
    ("kubelet", "cni-conf-dir", "", Version::new(1, 24), "set it in the container runtime"),
    ("kubelet", "docker-endpoint", "", Version::new(1, 24), "drop it"),
    ("kubelet", "image-pull-progress-deadline", "", Version::new(1, 24), "drop it"),
    ("kubelet", "container-runtime", "", Version::new(1, 27), "drop it: `remote` is all there is"),
    ("kubelet", "pod-infra-container-image", "", Version::new(1, 35), "set `sandbox_image` in the container runtime"),
];

/// Fields of kubeadm's configuration that hold arguments, and for which program.
const FIELDS: [(&[&str], &str); 4] = [
    (&["apiServer", "extraArgs"], "kube-apiserver"),
    (&["controllerManager", "extraArgs"], "kube-controller-manager"),
    (&["scheduler", "extraArgs"], "kube-scheduler"),
    (&["nodeRegistration", "kubeletExtraArgs"], "kubelet"),
];

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    for app in repository.apps.iter().filter(|app| app.app.declared == Declared::StaticPods) {
        of_manifests(app, repository, findings);
    }
    findings.about(None, None);
    for file in repository.files.sources.files() {
        if repository.class(file.id) != FileClass::Configuration {
            continue;
        }
        for root in repository.files.stream(file.id).documents.iter().filter_map(|document| document.root.as_ref()) {
            for (path, program) in FIELDS {
                let Some(arguments) = root.at(path) else { continue };
                for entry in arguments.entries() {
                    let value = entry.value.as_text().unwrap_or_default();
                    judge(program, &entry.key.text, value, entry.key.span, repository, findings);
                }
                for item in arguments.items() {
                    let (name, value) =
                        (item.get("name").and_then(Node::as_text), item.get("value").and_then(Node::as_text));
                    judge(
                        program,
                        name.unwrap_or_default(),
                        value.unwrap_or_default(),
                        item.span,
                        repository,
                        findings,
                    );
                }
            }
        }
    }
}

fn of_manifests<'a>(app: &'a BuiltApp, repository: &Repository, findings: &mut Findings<'a>) {
    for object in &app.objects {
        findings.about(Some(app), Some(object));
        for container in Pod::of(object).into_iter().flat_map(Pod::containers) {
            let Some(program) = container.name() else { continue };
            let lists = ["command", "args"].into_iter().filter_map(|list| container.node.get(list));
            for argument in lists.flat_map(Node::items) {
                let Some(text) = argument.as_text().and_then(|text| text.strip_prefix("--")) else { continue };
                let (name, value) = text.split_once('=').unwrap_or((text, ""));
                judge(program, name, value, argument.span, repository, findings);
            }
        }
    }
}

fn judge(program: &str, name: &str, value: &str, span: Span, repository: &Repository, findings: &mut Findings<'_>) {
    let about = |row: &&Row| {
        row.0 == program && row.1 == name && (row.2.is_empty() || value.split(',').any(|part| part.trim() == row.2))
    };
    let Some((_, _, what, removed, help)) = REMOVED.iter().find(about) else { return };
    let Some(cluster) = repository.release_at(span.file).filter(|cluster| cluster.version >= *removed) else { return };
    let argument = if what.is_empty() { format!("--{name}") } else { format!("--{name}={what}") };
    let message = format!(
        "{program} does not know `{argument}` since Kubernetes {removed}, and the cluster runs {}: it exits at its start, \
         and an upgrade is rolled back",
        cluster.version
    );
    let finding = findings.report(span, message);
    finding.label("no longer known").help(*help);
    if let Some(place) = cluster.span {
        finding.related(place, format!("the cluster runs {}", cluster.version));
    }
}
