//! Which Kubernetes release the repository's clusters run.
//!
//! Only files that configure a cluster count: kubeadm, static pods, Talos, Cluster API, upgrade plans, k3s and RKE2
//! settings, eksctl, k0sctl. Left out: guesses from the API versions in use.

use super::{Object, ObjectId, Pod, Version};
use crate::files::Files;
use crate::source::Span;
use crate::yaml::Node;

/// A release, and what says that it is the cluster's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    /// The release.
    pub version: Version,
    /// Where it is written; `None` if a flag says so.
    pub span: Option<Span>,
}

/// The releases that a repository's clusters run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Targets {
    /// The oldest: an API that it lacks is lacking somewhere. `None` if nothing is known.
    pub lowest: Option<Target>,
    /// The newest: an API that even it does not have yet is nowhere to be had.
    pub highest: Option<Target>,
}

impl Targets {
    /// One release for all clusters, as a flag or `.presync.yaml` sets it.
    pub fn fixed(target: Target) -> Self {
        Self { lowest: Some(target), highest: Some(target) }
    }

    /// Takes one more cluster in. Of equal releases the first stays.
    pub fn add(&mut self, target: Target) {
        if self.lowest.is_none_or(|lowest| target.version < lowest.version) {
            self.lowest = Some(target);
        }
        if self.highest.is_none_or(|highest| target.version > highest.version) {
            self.highest = Some(target);
        }
    }

    /// What statements come to.
    pub fn of(stated: &[Target]) -> Self {
        let mut targets = Self::default();
        stated.iter().for_each(|target| targets.add(*target));
        targets
    }
}

impl Target {
    /// Every release that the files say a cluster runs.
    pub fn stated(files: &Files) -> Vec<Self> {
        told(files, told_by)
    }
}

/// A distribution of Kubernetes whose nodes are set up in its own way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Distribution {
    /// k3s, and RKE2, which is set up alike.
    K3s,
    /// OpenShift and OKD.
    OpenShift,
}

impl Distribution {
    /// The name that rules know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::K3s => "k3s",
            Self::OpenShift => "openshift",
        }
    }

    /// Those that the files show signs of: objects of their own kinds, or a release with their mark.
    pub fn seen(files: &Files) -> Vec<Self> {
        let mut seen = told(files, Self::of);
        seen.sort();
        seen.dedup();
        seen
    }

    fn of(root: &Node) -> Option<Self> {
        let Some(id) = ObjectId::of(root) else {
            let marked = |key: &str| key.contains("k3s") || key.contains("rke2");
            let is_k3s = root.entries().iter().any(|entry| marked(&entry.key.text) && is_distribution(&entry.value));
            return is_k3s.then_some(Self::K3s);
        };
        match id.group.as_str() {
            group if group.ends_with(".openshift.io") => Some(Self::OpenShift),
            "helm.cattle.io" | "k3s.cattle.io" => Some(Self::K3s),
            "upgrade.cattle.io" => {
                root.at(&["spec", "version"]).filter(|node| is_distribution(node)).map(|_| Self::K3s)
            }
            _ => None,
        }
    }
}

/// What documents tell, in the order of the files.
fn told<T>(files: &Files, by: impl Fn(&Node) -> Option<T>) -> Vec<T> {
    let mut told = Vec::new();
    for file in files.sources.files() {
        if matches!(file.path.extension(), Some("yaml" | "yml" | "json")) {
            let stream = files.stream(file.id);
            told.extend(stream.documents.iter().filter_map(|document| document.root.as_ref()).filter_map(&by));
        }
    }
    told
}

/// The release that one document sets, if it configures a cluster.
fn told_by(root: &Node) -> Option<Target> {
    let at = |path: &[&str]| root.at(path).and_then(of_text);
    let Some(id) = ObjectId::of(root) else { return of_settings(root) };
    match (id.group.as_str(), id.kind.as_str()) {
        ("kubeadm.k8s.io", "ClusterConfiguration") => at(&["kubernetesVersion"]),
        ("", "Pod") if id.namespace == "kube-system" && id.name.starts_with("kube-apiserver") => {
            let object = Object::new(root.clone())?;
            let server = Pod::of(&object)?.containers().find(|container| container.name() == Some("kube-apiserver"))?;
            server.node.get("image").and_then(of_image)
        }
        ("controlplane.cluster.x-k8s.io", _) => at(&["spec", "version"]),
        ("cluster.x-k8s.io", "Cluster") => at(&["spec", "topology", "version"]),
        ("provisioning.cattle.io", "Cluster") => at(&["spec", "kubernetesVersion"]),
        // Plans upgrade other programs too; these two say in their versions what they are.
        ("upgrade.cattle.io", "Plan") => {
            root.at(&["spec", "version"]).filter(|node| is_distribution(node)).and_then(of_text)
        }
        ("tuppr.home-operations.com", "KubernetesUpgrade") => at(&["spec", "kubernetes", "version"]),
        ("k0sctl.k0sproject.io", "Cluster") => at(&["spec", "k0s", "version"]),
        ("eksctl.io", "ClusterConfig") => at(&["metadata", "version"]),
        _ => None,
    }
}

/// Settings without `apiVersion` and `kind`: Talos, Omni, Ansible variables for k3s and RKE2.
fn of_settings(root: &Node) -> Option<Target> {
    if root.get("machine").is_some() || root.get("cluster").is_some() {
        let server = root.at(&["cluster", "apiServer", "image"]).and_then(of_image);
        return server.or_else(|| root.at(&["machine", "kubelet", "image"]).and_then(of_image));
    }
    if root.get("clusterName").is_some() && root.get("nodes").is_some() {
        return root.get("kubernetesVersion").and_then(of_text);
    }
    if root.str_at(&["kind"]) == Some("Cluster") {
        return root.at(&["kubernetes", "version"]).and_then(of_text);
    }
    let distribution = |key: &str| key.contains("k3s") || key.contains("rke2");
    let entry = root.entries().iter().find(|entry| distribution(&entry.key.text) && is_distribution(&entry.value))?;
    of_text(&entry.value)
}

fn is_distribution(node: &Node) -> bool {
    node.as_text().is_some_and(|text| text.contains("+k3s") || text.contains("+rke2"))
}

fn of_text(node: &Node) -> Option<Target> {
    Some(Target { version: Version::parse(node.as_text()?)?, span: Some(node.span) })
}

fn of_image(node: &Node) -> Option<Target> {
    Some(Target { version: Version::of_image(node.as_text()?)?, span: Some(node.span) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{RepoPath, Sources};

    fn lowest(texts: &[&str]) -> Option<Version> {
        let path = |at| RepoPath::new(&format!("{at}.yaml")).expect("a path");
        let contents = texts.iter().enumerate().map(|(at, text)| (path(at), text.as_bytes().to_vec()));
        let files = Files::new(Sources::memory(contents.collect()));
        Targets::of(&Target::stated(&files)).lowest.map(|target| target.version)
    }

    #[test]
    fn every_way_to_set_up_a_cluster_tells_its_release() {
        let cases = [
            "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.34.2\n",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: kube-apiserver, namespace: kube-system}\n\
             spec: {containers: [{name: kube-apiserver, image: 'registry.k8s.io/kube-apiserver:v1.34.1'}]}\n",
            "version: v1alpha1\nmachine: {kubelet: {image: 'ghcr.io/siderolabs/kubelet:v1.34.0'}}\ncluster: {}\n",
            "clusterName: home\nkubernetesVersion: v1.34.0\nnodes: []\n",
            "apiVersion: upgrade.cattle.io/v1\nkind: Plan\nspec: {version: v1.34.2+k3s1}\n",
            "k3s_version: v1.34.2+k3s1\n",
            "apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\nspec: {topology: {version: v1.34.0}}\n",
            "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata: {name: a, version: \"1.34\"}\n",
        ];
        for case in cases {
            assert_eq!(lowest(&[case]), Some(Version::new(1, 34)), "{case}");
        }
    }

    #[test]
    fn the_oldest_cluster_counts_and_templates_do_not() {
        let old = "k3s_version: v1.33.2+k3s1\n";
        let new = "rke2_version: v1.34.2+rke2r1\n";
        let template = "apiVersion: upgrade.cattle.io/v1\nkind: Plan\nspec: {version: \"${KUBERNETES_VERSION}\"}\n";
        let system = "apiVersion: upgrade.cattle.io/v1\nkind: Plan\nspec: {version: v1.8.3}\n";
        assert_eq!(lowest(&[new, old, template, system]), Some(Version::new(1, 33)));
        assert_eq!(lowest(&[template, system]), None);
    }
}
