//! Who says which release of which component runs: static pods, kubeadm's configuration, Talos' configuration, variables
//! of Ansible.
//!
//! Statements are put together where they speak of one cluster: the manifests of one directory, the fields of one
//! document; beyond that by the places of their files.

use std::collections::BTreeMap;

use crate::gitops::Declared;
use crate::kubernetes::Pod;
use crate::repository::belonging::Belonging;
use crate::repository::{BuiltApp, Repository};
use crate::source::Span;
use crate::yaml::Node;

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
    // Of several configurations, each is of the manifests that are surest to be of its cluster.
    let several = configured.len() > 1;
    let mut alone = Vec::new();
    for kubeadm in configured {
        match cluster_of(&kubeadm, &mut clusters, several, repository) {
            Some(cluster) => cluster.extend(kubeadm),
            None => alone.push(kubeadm),
        }
    }
    clusters.append(&mut alone);
    let several = nodes.len() > 1;
    for node in nodes {
        if let Some(cluster) = cluster_of(&[node], &mut clusters, several, repository) {
            cluster.push(node);
        }
    }
    // What runs on Talos takes nothing from variables of Ansible.
    clusters.append(&mut talos);
    clusters
}

/// The one of several clusters that statements are about. Where their places don't tell, one cluster is meant only if
/// there are no others, and no `several` such statements either. Of several that are as likely, such as the nodes of one
/// control plane, the first stands for all if they run the same.
fn cluster_of<'c>(
    said: &[Statement],
    clusters: &'c mut [Cluster],
    several: bool,
    repository: &Repository,
) -> Option<&'c mut Cluster> {
    let place = |said: &[Statement]| Some(repository.files.sources.file(said.first()?.span.file).path.clone());
    let own = place(said)?;
    let belonging = |cluster: &Cluster| Some(Belonging::of(&own, &place(cluster)?));
    let surest = clusters.iter().filter_map(belonging).max()?;
    let enough =
        if several || clusters.len() > 1 { Belonging::Same { named: false, common: 0 } } else { Belonging::Unknown };
    let mut likely = clusters.iter_mut().filter(|cluster| belonging(cluster) == Some(surest) && surest >= enough);
    let server = |cluster: &Cluster| {
        let of = |component| cluster.iter().find(|one| one.component == component).map(|one| one.release);
        of(Component::ApiServer).or_else(|| of(Component::Kubeadm))
    };
    let first = likely.next()?;
    let same = server(first);
    likely.all(|other| server(other) == same).then_some(first)
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
