//! Where Calico's eBPF data plane is switched on, and how it balances at connect time.
//!
//! Left out: settings of single nodes, and files of Felix on the nodes.

use crate::kubernetes::{Object, Pod, Version};
use crate::repository::Cluster;
use crate::repository::{BuiltApp, Repository};
use crate::source::Span;
use crate::yaml::Node;

/// Calico's eBPF data plane in one cluster.
pub(super) struct DataPlane<'a> {
    pub(super) app: &'a BuiltApp,
    /// The object that switches it on.
    pub(super) object: &'a Object,
    pub(super) cluster: Cluster,
    /// Where it is switched on.
    pub(super) on: Span,
    /// What is sent to a backend at connect time: `TCP`, which is the default, `Enabled`, `Disabled`.
    pub(super) balancing: &'a str,
    /// Where that is written.
    pub(super) place: Option<Span>,
    /// Calico's release, where an image or a chart tells it.
    pub(super) release: Option<Version>,
}

/// What the objects of one cluster say.
struct Said<'a> {
    cluster: Cluster,
    on: Option<(&'a BuiltApp, &'a Object, Span)>,
    /// By the environment of calico-node, which wins over the resource.
    variable: Option<&'a Node>,
    resource: Option<&'a Node>,
    release: Option<Version>,
}

/// Every cluster with the data plane, once.
pub(super) fn all(repository: &Repository) -> Vec<DataPlane<'_>> {
    let mut clusters: Vec<Said<'_>> = Vec::new();
    for app in &repository.apps {
        let cluster = Cluster::of(app);
        let at = clusters.iter().position(|said| said.cluster == cluster).unwrap_or(clusters.len());
        if at == clusters.len() {
            clusters.push(Said { cluster, on: None, variable: None, resource: None, release: None });
        }
        let Some(said) = clusters.get_mut(at) else { continue };
        let operator = app.releases.iter().find(|release| release.chart.name == "tigera-operator");
        let of_chart = operator.and_then(|release| Version::parse(release.chart.version.as_deref()?));
        said.release = said.release.or(of_chart);
        for object in &app.objects {
            said.add(app, object);
        }
    }
    let planes = clusters.into_iter().filter_map(|said| {
        let (app, object, on) = said.on?;
        let balancing = said.variable.or(said.resource);
        let text = balancing.and_then(Node::as_text).unwrap_or("TCP");
        let place = balancing.map(|node| node.span);
        Some(DataPlane { app, object, cluster: said.cluster, on, balancing: text, place, release: said.release })
    });
    planes.collect()
}

impl<'a> Said<'a> {
    fn add(&mut self, app: &'a BuiltApp, object: &'a Object) {
        let mut on = None;
        if object.id.kind == "FelixConfiguration"
            && object.id.group.ends_with("projectcalico.org")
            && object.id.name == "default"
            && let Some(spec) = object.root.get("spec")
        {
            on = spec.get("bpfEnabled").filter(|on| on.as_bool() == Some(true));
            self.resource = self.resource.or(spec.get("bpfConnectTimeLoadBalancing"));
        } else if object.id.is("operator.tigera.io", "Installation") {
            on = object.root.at(&["spec", "calicoNetwork", "linuxDataplane"]);
            on = on.filter(|plane| plane.as_str() == Some("BPF"));
        } else if object.id.name == "calico-node"
            && let Some(pod) = Pod::of(object)
        {
            on = variable(pod, "FELIX_BPFENABLED").filter(|on| on.as_text() == Some("true"));
            self.variable = self.variable.or(variable(pod, "FELIX_BPFCONNECTTIMELOADBALANCING"));
            let image =
                pod.containers().filter_map(|container| container.image()).find(|image| image.contains("calico/node:"));
            self.release = image.and_then(Version::of_image).or(self.release);
        }
        self.on = self.on.or(on.map(|node| (app, object, node.span)));
    }
}

/// The value of an environment variable of a pod's containers; Felix reads names in any case.
fn variable<'a>(pod: Pod<'a>, name: &str) -> Option<&'a Node> {
    let mut entries = pod.containers().filter_map(|container| container.node.get("env")).flat_map(Node::items);
    let named = |entry: &&Node| entry.str_at(&["name"]).is_some_and(|own| own.eq_ignore_ascii_case(name));
    entries.find(named).and_then(|entry| entry.get("value"))
}
