//! The pods inside workloads: the pod spec of every built-in kind that has one, and its containers.
//!
//! Left out: custom resources of operators, whose pods take shape only in the cluster. Argo Rollouts and Knative
//! services embed a pod template unchanged and are known.

use super::Object;
use crate::yaml::Node;

/// A pod as some object describes it.
#[derive(Clone, Copy, Debug)]
pub struct Pod<'a> {
    /// The pod template, or the Pod itself: the node with `metadata` and `spec`.
    pub template: &'a Node,
    /// The pod spec.
    pub spec: &'a Node,
    /// Keys from the object's root to the spec.
    pub path: &'static [&'static str],
}

/// One container of a pod.
#[derive(Clone, Copy, Debug)]
pub struct Container<'a> {
    /// The container.
    pub node: &'a Node,
    /// Which list it stands in.
    pub kind: ContainerKind,
    /// Its place in that list, from 0.
    pub index: usize,
}

/// The lists a container can stand in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ContainerKind {
    /// `initContainers`: runs to its end before the others start.
    Init,
    /// `initContainers` with `restartPolicy: Always`: starts first and runs beside the others.
    Sidecar,
    /// `containers`
    Regular,
    /// `ephemeralContainers`
    Ephemeral,
}

impl<'a> Pod<'a> {
    /// The pod of an object; `None` if the object has none, or no map stands where it should be.
    pub fn of(object: &'a Object) -> Option<Self> {
        let path = spec_path(&object.id.group, &object.id.kind)?;
        let (_, above) = path.split_last()?;
        let template = object.root.at(above)?;
        let spec = template.get("spec")?;
        spec.as_mapping().is_some().then_some(Self { template, spec, path })
    }

    /// Every container in the order in which a pod starts them: first the init containers, then the regular ones, then
    /// the ephemeral ones. Elements that are no maps are left out.
    pub fn containers(self) -> impl Iterator<Item = Container<'a>> {
        let lists = [ContainerKind::Init, ContainerKind::Regular, ContainerKind::Ephemeral];
        lists.into_iter().flat_map(move |kind| {
            let items = self.spec.get(kind.field()).map(Node::items).unwrap_or_default();
            let maps = items.iter().enumerate().filter(|(_, node)| node.as_mapping().is_some());
            maps.map(move |(index, node)| {
                let always = node.str_at(&["restartPolicy"]) == Some("Always");
                let kind = if kind == ContainerKind::Init && always { ContainerKind::Sidecar } else { kind };
                Container { node, kind, index }
            })
        })
    }

    /// A container's path from the object's root, as a JSON pointer.
    pub fn pointer(self, container: Container<'_>) -> String {
        format!("/{}/{}/{}", self.path.join("/"), container.kind.field(), container.index)
    }
}

impl<'a> Container<'a> {
    /// The name; `None` if there is none, or none that is known.
    pub fn name(self) -> Option<&'a str> {
        self.node.get("name").and_then(Node::as_text)
    }

    /// The image reference; `None` if there is none, or none that is known.
    pub fn image(self) -> Option<&'a str> {
        self.node.get("image").and_then(Node::as_text)
    }

    /// A requested or limited amount: `resource("limits", "cpu")`.
    pub fn resource(self, kind: &str, name: &str) -> Option<&'a Node> {
        self.node.at(&["resources", kind, name])
    }
}

impl ContainerKind {
    /// The pod spec's field that holds such containers.
    pub fn field(self) -> &'static str {
        match self {
            Self::Init | Self::Sidecar => "initContainers",
            Self::Regular => "containers",
            Self::Ephemeral => "ephemeralContainers",
        }
    }

    /// Whether it runs as long as the pod does.
    pub fn is_long_running(self) -> bool {
        matches!(self, Self::Sidecar | Self::Regular)
    }
}

/// Keys from an object's root to its pod spec, by group and kind.
fn spec_path(group: &str, kind: &str) -> Option<&'static [&'static str]> {
    Some(match (group, kind) {
        ("", "Pod") => &["spec"],
        ("", "PodTemplate") => &["template", "spec"],
        ("", "ReplicationController")
        | ("apps" | "extensions", "Deployment" | "ReplicaSet" | "DaemonSet")
        | ("apps", "StatefulSet")
        | ("batch", "Job")
        | ("argoproj.io", "Rollout")
        | ("serving.knative.dev", "Service" | "Configuration") => &["spec", "template", "spec"],
        ("batch", "CronJob") => &["spec", "jobTemplate", "spec", "template", "spec"],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn object(text: &str) -> Object {
        let stream = crate::yaml::parse(FileId(0), text.as_bytes());
        let root = stream.documents.into_iter().next().and_then(|document| document.root);
        root.and_then(Object::new).expect("an object")
    }

    #[test]
    fn every_workload_kind_has_its_pod() {
        let cases = [
            ("v1", "Pod", "spec: {containers: [{name: a}]}"),
            ("v1", "PodTemplate", "template: {spec: {containers: [{name: a}]}}"),
            ("apps/v1", "Deployment", "spec: {template: {spec: {containers: [{name: a}]}}}"),
            ("batch/v1", "Job", "spec: {template: {spec: {containers: [{name: a}]}}}"),
            ("batch/v1", "CronJob", "spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a}]}}}}}"),
        ];
        for (version, kind, body) in cases {
            let object = object(&format!("apiVersion: {version}\nkind: {kind}\n{body}\n"));
            let pod = Pod::of(&object).expect("a pod");
            let names: Vec<_> = pod.containers().filter_map(Container::name).collect();
            assert_eq!(names, ["a"], "{kind}");
        }
        assert!(Pod::of(&object("apiVersion: v1\nkind: Service\nspec: {template: {spec: {}}}\n")).is_none());
        assert!(Pod::of(&object("apiVersion: v1\nkind: Pod\nspec: none\n")).is_none());
    }

    #[test]
    fn containers_know_their_list_and_place() {
        let object = object(
            "apiVersion: v1\nkind: Pod\nspec:\n  containers: [{name: web}]\n  initContainers: [null, {name: setup}, \
             {name: proxy, restartPolicy: Always}]\n",
        );
        let pod = Pod::of(&object).expect("a pod");
        let found: Vec<_> = pod.containers().map(|container| (container.kind, pod.pointer(container))).collect();
        assert_eq!(
            found,
            [
                (ContainerKind::Init, "/spec/initContainers/1".to_owned()),
                (ContainerKind::Sidecar, "/spec/initContainers/2".to_owned()),
                (ContainerKind::Regular, "/spec/containers/0".to_owned()),
            ]
        );
    }
}
