//! Who says which release of which component runs: static pods, kubeadm's configuration, Talos' configuration, variables
//! of Ansible, kube-proxy's DaemonSet, objects of Cluster API, plans of the system-upgrade-controller.
//!
//! Statements are put together where they speak of one cluster: the manifests of one directory, the fields of one
//! document, objects that name each other; beyond that by the places of their files.

use std::collections::BTreeMap;

use crate::gitops::Declared;
use crate::kubernetes::{Object, Pod};
use crate::repository::belonging::Belonging;
use crate::repository::{BuiltApp, Repository};
use crate::source::{RepoPath, Span};
use crate::yaml::Node;

use super::objects;
use super::release::Release;

/// A program of the control plane or of a node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Component {
    ApiServer,
    ControllerManager,
    Scheduler,
    Proxy,
    Kubelet,
    Etcd,
    /// What kubeadm is told to install.
    Kubeadm,
    /// What another program is told to install as the control plane.
    ControlPlane,
}

/// One statement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Statement {
    /// About what.
    pub(super) component: Component,
    /// The release.
    pub(super) release: Release,
    /// Where it is written.
    pub(super) span: Span,
}

/// What is said of one cluster.
pub(super) type Cluster = Vec<Statement>;

impl Component {
    /// The name of the program.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Proxy => "kube-proxy",
            Self::Kubelet => "the kubelet",
            Self::Etcd => "etcd",
            Self::Kubeadm => "kubeadm's configuration",
            Self::ControlPlane => "the control plane",
        }
    }

    fn of_container(name: &str) -> Option<Self> {
        Some(match name {
            "kube-apiserver" => Self::ApiServer,
            "kube-controller-manager" => Self::ControllerManager,
            "kube-scheduler" => Self::Scheduler,
            "kube-proxy" => Self::Proxy,
            "etcd" => Self::Etcd,
            _ => return None,
        })
    }
}

/// Every cluster that the repository speaks of, and what is said of it.
pub(super) fn clusters(repository: &Repository) -> Vec<Cluster> {
    let mut clusters: Vec<Cluster> = repository.apps.iter().filter_map(of_static_pods).collect();
    let (mut configured, mut nodes, mut talos) = (Vec::new(), Vec::new(), Vec::new());
    for file in repository.files.sources.files() {
        // A template is no statement yet, and what is put away is none any more.
        if !crate::is_yaml(&file.path) || repository.config.skip.matches(&file.path) {
            continue;
        }
        for document in &repository.files.stream(file.id).documents {
            let Some(root) = &document.root else { continue };
            let (of_cluster, of_nodes) = of_document(root);
            match of_cluster.first() {
                Some(first) if first.component == Component::Kubeadm => configured.push(of_cluster),
                Some(_) => talos.push(of_cluster),
                None => {}
            }
            nodes.extend(of_nodes);
        }
    }
    nodes.extend(repository.apps.iter().flat_map(|app| &app.objects).filter_map(of_proxy));
    // Of several configurations, each is of the manifests that are surest to be of its cluster.
    let several = configured.len() > 1;
    let mut alone = Vec::new();
    for kubeadm in configured {
        let of = clusters_of(&kubeadm, &clusters, several, repository);
        for at in &of {
            clusters[*at].extend(kubeadm.iter().copied());
        }
        if of.is_empty() {
            alone.push(kubeadm);
        }
    }
    clusters.append(&mut alone);
    let several = nodes.len() > 1;
    for node in nodes {
        for at in clusters_of(&[node], &clusters, several, repository) {
            clusters[at].push(node);
        }
    }
    // What runs on Talos takes nothing from variables of Ansible.
    clusters.append(&mut talos);
    clusters.extend(repository.apps.iter().flat_map(objects::clusters));
    clusters
}

/// API servers of one control plane, one of each node, as far as the names of their directories tell.
pub(super) fn servers(repository: &Repository) -> Vec<Vec<Statement>> {
    let mut series: BTreeMap<String, Vec<Statement>> = BTreeMap::new();
    for cluster in repository.apps.iter().filter_map(of_static_pods) {
        let Some(server) = cluster.into_iter().find(|one| one.component == Component::ApiServer) else { continue };
        if let Some(name) = series_of(&repository.files.sources.file(server.span.file).path) {
            series.entry(name).or_default().push(server);
        }
    }
    series.into_values().filter(|servers| servers.len() > 1).collect()
}

/// The clusters that statements are about, by their positions. Where their places don't tell, one cluster is meant only if
/// there are no others, and no `several` such statements either. Of several that are as likely, the first stands for all
/// if they run the same; nodes of one control plane are all meant.
fn clusters_of(said: &[Statement], clusters: &[Cluster], several: bool, repository: &Repository) -> Vec<usize> {
    let place = |said: &[Statement]| Some(repository.files.sources.file(said.first()?.span.file).path.clone());
    let Some(own) = place(said) else { return Vec::new() };
    let belonging = |cluster: &Cluster| Some(Belonging::of(&own, &place(cluster)?));
    let Some(surest) = clusters.iter().filter_map(belonging).max() else { return Vec::new() };
    let enough =
        if several || clusters.len() > 1 { Belonging::Same { named: false, common: 0 } } else { Belonging::Unknown };
    let is_likely = |cluster: &Cluster| belonging(cluster) == Some(surest) && surest >= enough;
    let likely: Vec<usize> = (0..clusters.len()).filter(|at| is_likely(&clusters[*at])).collect();
    let server = |at: usize| {
        let of = |component| clusters[at].iter().find(|one| one.component == component).map(|one| one.release);
        of(Component::ApiServer).or_else(|| of(Component::Kubeadm))
    };
    let series = |at: usize| place(&clusters[at]).and_then(|path| series_of(&path));
    match likely.as_slice() {
        [first, others @ ..] if others.iter().all(|other| server(*other) == server(*first)) => vec![*first],
        [first, others @ ..] if series(*first).is_some() && others.iter().all(|at| series(*at) == series(*first)) => {
            likely
        }
        _ => Vec::new(),
    }
}

/// What the names of nodes of one control plane have in common: of `nodes/cp1/etc/kubernetes/manifests/a.yaml` the path
/// `nodes/cp`. `None` if the directory is not named as a numbered node.
fn series_of(path: &RepoPath) -> Option<String> {
    let directory = path.parent()?;
    let of_kubelet = |name: &&str| matches!(*name, "manifests" | "kubernetes" | "etc" | "static-pods");
    let mut names: Vec<&str> = directory.as_str().split('/').collect();
    while names.last().is_some_and(of_kubelet) {
        names.pop();
    }
    let node = names.pop()?;
    let stem = node.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let mut words = stem.split(['-', '_', '.']).rev().filter(|word| !word.is_empty());
    let is_node = matches!(
        words.next(),
        Some("cp" | "control" | "plane" | "controlplane" | "master" | "server" | "node" | "kubemaster" | "cplane")
    );
    names.push(stem);
    (is_node && stem != node).then(|| names.join("/"))
}

/// The static pods of one directory. Of two manifests of one component none counts: which of them runs is another
/// rule's matter.
fn of_static_pods(app: &BuiltApp) -> Option<Cluster> {
    if app.app.declared != Declared::StaticPods {
        return None;
    }
    let mut said: BTreeMap<Component, Vec<Statement>> = BTreeMap::new();
    for container in app.objects.iter().filter_map(Pod::of).flat_map(Pod::containers) {
        let Some(component) = container.name().and_then(Component::of_container) else { continue };
        let Some(release) = container.image().and_then(Release::of_image) else { continue };
        let span = container.node.get("image").map_or(container.node.span, |image| image.span);
        said.entry(component).or_default().push(Statement { component, release, span });
    }
    let cluster: Cluster = said.into_values().filter(|said| said.len() == 1).flatten().collect();
    (!cluster.is_empty()).then_some(cluster)
}

/// kube-proxy, where it is not kubeadm's own.
fn of_proxy(object: &Object) -> Option<Statement> {
    if !object.id.is("apps", "DaemonSet") || object.id.name != "kube-proxy" || object.id.namespace != "kube-system" {
        return None;
    }
    let pod = Pod::of(object)?;
    let container = pod.containers().find(|container| container.name() == Some("kube-proxy"))?;
    let image = container.node.get("image")?;
    Some(Statement { component: Component::Proxy, release: Release::of_image(image.as_text()?)?, span: image.span })
}

/// What one document says of a cluster, and of nodes of a cluster that it does not name.
fn of_document(root: &Node) -> (Cluster, Cluster) {
    let said = |component, node: Option<&Node>, read: fn(&str) -> Option<Release>| {
        let node = node?;
        Some(Statement { component, release: read(node.as_text()?)?, span: node.span })
    };
    let is_kubeadm = root.str_at(&["apiVersion"]).is_some_and(|version| version.starts_with("kubeadm.k8s.io/"));
    if is_kubeadm && root.str_at(&["kind"]) == Some("ClusterConfiguration") {
        let version = said(Component::Kubeadm, root.get("kubernetesVersion"), Release::parse);
        return (version.into_iter().collect(), Vec::new());
    }
    if root.get("apiVersion").is_some() {
        return (Vec::new(), Vec::new());
    }
    if root.get("machine").is_some() || root.get("cluster").is_some() {
        let image = |path: &[&str]| root.at(path);
        let talos = [
            said(Component::ApiServer, image(&["cluster", "apiServer", "image"]), Release::of_image),
            said(Component::ControllerManager, image(&["cluster", "controllerManager", "image"]), Release::of_image),
            said(Component::Scheduler, image(&["cluster", "scheduler", "image"]), Release::of_image),
            said(Component::Proxy, image(&["cluster", "proxy", "image"]), Release::of_image),
            said(Component::Kubelet, image(&["machine", "kubelet", "image"]), Release::of_image),
        ];
        return (talos.into_iter().flatten().collect(), Vec::new());
    }
    let variable = |name: &str| said(Component::Kubelet, root.get(name), Release::parse);
    (Vec::new(), ["kubelet_version"].into_iter().filter_map(variable).collect())
}
