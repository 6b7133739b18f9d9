//! What a file is to a GitOps controller, decided by its place, its name and its content.
//!
//! A rule about text speaks only of files that somebody deploys from ([`FileClass::matters`]): a duplicate key in a
//! CI workflow is nobody's incident here. Which app uses a file is not decided here.

use std::collections::BTreeSet;

use crate::files::Files;
use crate::is_yaml;
use crate::kustomize;
use crate::sops;
use crate::source::{RepoPath, SourceFile};
use crate::yaml::{Node, Stream, template_mark};

/// What a file is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FileClass {
    /// A `kustomization.yaml`.
    Kustomization,
    /// A `kustomization.yaml` of kind Component, which builds only inside another.
    Component,
    /// `Chart.yaml`, or a chart's `requirements.yaml`.
    Chart,
    /// A template of a chart: Go template text, never a manifest.
    ChartTemplate,
    /// Values for a chart.
    Values,
    /// A patch that a kustomization names.
    Patch,
    /// Kubernetes objects.
    Manifest,
    /// Argo CD's Application, ApplicationSet, AppProject.
    ArgoCd,
    /// Flux's Kustomization, HelmRelease, sources and the like.
    Flux,
    /// A pod that the kubelet runs from its own directory.
    StaticPod,
    /// Configuration of Kubernetes' own programs in the form of an object, such as kubeadm's, or of Argo CD beside a source.
    /// Nothing applies it.
    Configuration,
    /// Encrypted by SOPS.
    Encrypted,
    /// Text of another program's templates, such as Jinja; not YAML yet.
    Templated,
    /// Anything else: CI workflows, Ansible, docker-compose, dashboards.
    Other,
}

impl FileClass {
    /// Whether a controller reads the file, so that a mistake in its text has a consequence in the cluster.
    pub fn matters(self) -> bool {
        !matches!(self, Self::ChartTemplate | Self::Templated | Self::Other)
    }

    /// Whether a file of this class may turn out to be a patch, when a kustomization names it as one.
    pub(super) fn may_be_patch(self) -> bool {
        matches!(self, Self::Other | Self::Manifest | Self::ArgoCd | Self::Flux | Self::StaticPod)
    }

    /// Whether the file holds Kubernetes objects as they are applied.
    pub fn holds_objects(self) -> bool {
        matches!(self, Self::Manifest | Self::ArgoCd | Self::Flux | Self::StaticPod | Self::Encrypted)
    }
}

/// How much it matters what lies at a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It is deployed, or nothing speaks against it.
    Deployed,
    /// It lies where things are shown or tested, and nothing deploys it from there.
    Sample,
    /// It was put away, and nothing deploys it any more.
    Retired,
    /// It lies beside a kustomization that does not list it, so nothing applies it.
    Unlisted,
}

/// Names of directories whose content shows or tests something.
const SAMPLES: [&str; 16] = [
    "test",
    "tests",
    "testdata",
    "e2e",
    "example",
    "examples",
    "sample",
    "samples",
    "Samples",
    "docs",
    "doc",
    "hack",
    "template",
    "templates",
    "boilerplate",
    "fixtures",
];

/// Names of directories that hold one directory for each cluster or stage.
const STAGES: [&str; 7] = ["clusters", "cluster", "overlays", "environments", "envs", "env", "stages"];

/// Names of directories whose content was put away.
const ARCHIVES: [&str; 3] = ["archive", ".archive", "archived"];

/// How much it matters what lies at a place, unless something says that it is deployed.
pub fn standing(path: &RepoPath) -> Standing {
    let directory = path.parent().unwrap_or_default();
    let parts: Vec<&str> = directory.as_str().split('/').collect();
    // A cluster or stage may well be called `test`.
    let is_stage =
        |at: usize| at.checked_sub(1).and_then(|above| parts.get(above)).is_some_and(|above| STAGES.contains(above));
    let lies_in = |names: &[&str]| parts.iter().enumerate().any(|(at, part)| names.contains(part) && !is_stage(at));
    match () {
        () if lies_in(&ARCHIVES) => Standing::Retired,
        () if lies_in(&SAMPLES) => Standing::Sample,
        () => Standing::Deployed,
    }
}

/// Decides what one file is. `charts` holds the directories with a `Chart.yaml`.
pub(super) fn classify(file: &SourceFile, files: &Files, charts: &BTreeSet<RepoPath>) -> FileClass {
    let path = &file.path;
    if in_chart_templates(path, charts) {
        return FileClass::ChartTemplate;
    }
    if matches!(path.extension(), Some("j2" | "tmpl" | "tpl" | "gotmpl")) {
        return FileClass::Templated;
    }
    if !is_yaml(path) {
        return FileClass::Other;
    }
    let stream = files.stream(file.id);
    let roots = || stream.documents.iter().filter_map(|document| document.root.as_ref());
    if path.parent().is_some_and(|directory| charts.contains(&directory)) {
        match path.file_name() {
            "Chart.yaml" | "requirements.yaml" => return FileClass::Chart,
            "Chart.lock" | "requirements.lock" | "values.schema.json" => return FileClass::Other,
            _ => {}
        }
    }
    if roots().any(sops::is_encrypted) {
        return FileClass::Encrypted;
    }
    if is_template_text(file, &stream) {
        // The templates of an ApplicationSet are texts in YAML, so a file that is not YAML is a mistake.
        return if starts_line(file, "kind: ApplicationSet") { FileClass::ArgoCd } else { FileClass::Templated };
    }
    if kustomize::FILE_NAMES.contains(&path.file_name()) && !roots().any(is_object) {
        let component = roots().any(|root| root.str_at(&["kind"]) == Some("Component"));
        return if component { FileClass::Component } else { FileClass::Kustomization };
    }
    if path.file_name().starts_with(".argocd-source") {
        return FileClass::Configuration;
    }
    let kinds: BTreeSet<FileClass> = roots().filter_map(|root| object_class(root, path)).collect();
    match kinds.first() {
        // The declared order puts plain manifests before the controllers' objects: a mixed file is a manifest.
        Some(class) => *class,
        None if is_values_name(path) && roots().all(|root| root.as_mapping().is_some() || root.is_null()) => {
            FileClass::Values
        }
        None if looks_like_manifest(file, &stream) => FileClass::Manifest,
        None => FileClass::Other,
    }
}

/// Whether a name says that the file holds values: `values.yaml`, `values-prod.yaml`, `grafana-values.yml`.
pub(super) fn is_values_name(path: &RepoPath) -> bool {
    let Some((stem, "yaml" | "yml")) = path.file_name().rsplit_once('.') else { return false };
    stem == "values"
        || ["values-", "values.", "values_"].iter().any(|start| stem.starts_with(start))
        || ["-values", ".values", "_values"].iter().any(|end| stem.ends_with(end))
}

fn in_chart_templates(path: &RepoPath, charts: &BTreeSet<RepoPath>) -> bool {
    let mut directory = path.parent();
    while let Some(current) = directory {
        let parent = current.parent();
        if current.file_name() == "templates" && parent.as_ref().is_some_and(|parent| charts.contains(parent)) {
            return true;
        }
        directory = parent;
    }
    false
}

/// A text of templates that is not YAML yet. Marks inside strings mean nothing here: alert texts are full of them.
fn is_template_text(file: &SourceFile, stream: &Stream) -> bool {
    let broken = stream.problems.iter().any(|problem| problem.kind.loses_content());
    broken && file.text().and_then(template_mark).is_some()
}

/// A broken file whose text starts lines as a manifest does: its mistake must not hide it.
fn looks_like_manifest(file: &SourceFile, stream: &Stream) -> bool {
    let broken = stream.problems.iter().any(|problem| problem.kind.loses_content());
    broken && starts_line(file, "apiVersion:") && starts_line(file, "kind:")
}

fn starts_line(file: &SourceFile, start: &str) -> bool {
    file.text().is_some_and(|text| text.lines().any(|line| line.starts_with(start)))
}

/// Whether a document in a file called `kustomization.yaml` is something else after all: a Flux object.
fn is_object(root: &Node) -> bool {
    root.str_at(&["apiVersion"]).is_some_and(|version| version.contains("fluxcd.io"))
}

fn object_class(root: &Node, path: &RepoPath) -> Option<FileClass> {
    let api_version = root.str_at(&["apiVersion"])?;
    let kind = root.str_at(&["kind"])?;
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    Some(match group {
        "argoproj.io" if matches!(kind, "Application" | "ApplicationSet" | "AppProject") => FileClass::ArgoCd,
        group if group == "fluxcd.io" || group.ends_with(".fluxcd.io") => FileClass::Flux,
        "kubeadm.k8s.io"
        | "kubelet.config.k8s.io"
        | "kubeproxy.config.k8s.io"
        | "apiserver.config.k8s.io"
        | "audit.k8s.io"
        | "kubescheduler.config.k8s.io"
        | "apiserver.k8s.io" => FileClass::Configuration,
        // Programs that take the form of an object for their own settings.
        "kind.x-k8s.io"
        | "skaffold"
        | "backstage.io"
        | "kustomize.config.k8s.io"
        | "ctlptl.dev"
        | "k3d.io"
        | "krew.googlecontainertools.github.com"
        | "client.authentication.k8s.io"
        | "k0sctl.k0sproject.io"
        | "helmfile.sh"
        | "bundle.yaml" => return None,
        "" if kind == "Config" => return None,
        // Talos. Kubernetes' own group never had this version.
        "" if api_version == "v1alpha1" => return None,
        "" if kind == "Pod" && (is_static_pod_directory(path) || is_control_plane(root)) => FileClass::StaticPod,
        _ => FileClass::Manifest,
    })
}

/// Whether a pod bears the labels that kubeadm writes on the pods of the control plane. Only static pods do.
fn is_control_plane(root: &Node) -> bool {
    let labels = root.at(&["metadata", "labels"]);
    root.str_at(&["metadata", "namespace"]) == Some("kube-system")
        && labels.is_some_and(|labels| labels.str_at(&["tier"]) == Some("control-plane"))
        && labels.is_some_and(|labels| labels.get("component").is_some())
}

/// Whether a file lies where the kubelet looks for static pods, or in a directory named after them.
pub fn is_static_pod_directory(path: &RepoPath) -> bool {
    let Some(directory) = path.parent() else { return false };
    let directory = directory.as_str();
    let named = matches!(directory.rsplit('/').next(), Some("static-pods" | "static_pods" | "staticpods"));
    named || directory == "etc/kubernetes/manifests" || directory.ends_with("/etc/kubernetes/manifests")
}
