//! Directories of static pods, as the kubelet reads them: every file whose name does not start with a dot, whatever its
//! extension, in the order of the names; of two Pods with one name the last replaces the first.
//!
//! Source: kubernetes/kubernetes, `pkg/kubelet/config/file.go` and `common.go` (`filepath.Glob(dir + "/[^.]*")`, sorted,
//! directories passed over, one Pod decoded from each file, a store keyed by namespace and name).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::gitops::{FileClass, is_static_pod_directory};
use crate::kubernetes::{Container, Object, Pod};
use crate::repository::Repository;
use crate::source::{RepoPath, SourceFile, Span};
use crate::yaml::Node;

/// A directory that a kubelet reads.
pub(super) struct Directory {
    /// The files that the kubelet reads, in its order.
    pub(super) files: Vec<StaticFile>,
    /// Whether its path is the one that kubeadm sets up, so that everything in it reaches a node as it is.
    pub(super) is_kubeadms: bool,
}

/// One file in it.
pub(super) struct StaticFile {
    /// The file.
    pub(super) file: Arc<SourceFile>,
    /// The Pod that the kubelet decodes from it.
    pub(super) pod: Option<Object>,
}

/// Every directory of static pods.
pub(super) fn directories(repository: &Repository) -> Vec<Directory> {
    let files = repository.files.sources.files();
    let is_static = |file: &SourceFile| {
        repository.class(file.id) == FileClass::StaticPod
            || is_static_pod_directory(&file.path) && !repository.config.skip.matches(&file.path)
    };
    let mut found: BTreeMap<RepoPath, Vec<Arc<SourceFile>>> = BTreeMap::new();
    for file in files.iter().filter(|file| is_static(file)) {
        found.extend(file.path.parent().map(|directory| (directory, Vec::new())));
    }
    if found.is_empty() {
        return Vec::new();
    }
    for file in files {
        let Some(directory) = file.path.parent().and_then(|directory| found.get_mut(&directory)) else { continue };
        // A template is copied under another name.
        let is_read = !file.path.file_name().starts_with('.') && repository.class(file.id) != FileClass::Templated;
        directory.extend(is_read.then_some(file));
    }
    let read = |(directory, files): (RepoPath, Vec<Arc<SourceFile>>)| Directory {
        is_kubeadms: format!("/{directory}").ends_with("/etc/kubernetes/manifests"),
        files: files.into_iter().map(|file| StaticFile { pod: pod_in(&file, repository), file }).collect(),
    };
    found.into_iter().map(read).collect()
}

impl StaticFile {
    /// Whether the name is one that people give to manifests.
    pub(super) fn is_named_as_manifest(&self) -> bool {
        matches!(self.file.path.extension(), Some("yaml" | "yml" | "json"))
    }

    /// The name of the file.
    pub(super) fn name(&self) -> &str {
        self.file.path.file_name()
    }

    /// Namespace and name under which the kubelet keeps the Pod.
    pub(super) fn key(&self) -> Option<(&str, &str)> {
        let id = &self.pod.as_ref()?.id;
        let namespace = if id.namespace.is_empty() { "default" } else { id.namespace.as_str() };
        (!id.name.is_empty()).then_some((namespace, id.name.as_str()))
    }

    /// The place of the Pod's name, else the start of the file.
    pub(super) fn place(&self) -> Span {
        self.pod.as_ref().map_or(Span::start_of(self.file.id), Object::name_span)
    }

    /// The tag of the first container's image, which tells two releases of a component apart.
    pub(super) fn image(&self) -> Option<&str> {
        Pod::of(self.pod.as_ref()?)?.containers().find_map(Container::image)
    }
}

/// The Pod in the first document that holds anything, which is all that the kubelet looks at.
fn pod_in(file: &SourceFile, repository: &Repository) -> Option<Object> {
    let stream = repository.files.stream(file.id);
    let root = stream.documents.iter().find_map(|document| document.root.as_ref())?;
    let is_pod = root.str_at(&["kind"]) == Some("Pod") && root.get("apiVersion").and_then(Node::as_text) == Some("v1");
    is_pod.then(|| Object::new(root.clone())).flatten()
}
