//! Where CPU limits stand: in containers, in custom resources that hand them to containers, in chart values.

use crate::helm::Release;
use crate::kubernetes::{Object, Pod};
use crate::yaml::Node;

/// A CPU limit and the request beside it.
pub(super) struct CpuLimit<'a> {
    /// What has the limit: a container's name, or the path to the settings.
    pub(super) owner: Owner<'a>,
    pub(super) limit: &'a Node,
    pub(super) request: Option<&'a Node>,
}

/// What has a limit.
pub(super) enum Owner<'a> {
    /// A container of the object's pods.
    Container(&'a str),
    /// A custom resource whose operator makes the containers.
    Resource,
    /// Values of a chart; the path to `limits.cpu`.
    Values(String),
}

impl Owner<'_> {
    /// The subject of a sentence, for an object or release of this name.
    pub(super) fn subject(&self, of: &str) -> String {
        match self {
            Self::Container(name) => format!("container `{name}` of {of}"),
            Self::Resource => format!("each container of {of}"),
            Self::Values(path) => format!("a container of {of}, by `{path}`,"),
        }
    }
}

/// CPU limits of an object's containers; `all` takes in those that only run for a while.
pub(super) fn of_object(object: &Object, all: bool) -> Vec<CpuLimit<'_>> {
    if let Some(pod) = Pod::of(object) {
        let is_job = object.id.group == "batch";
        let containers = pod.containers().filter(|container| all || container.kind.is_long_running() && !is_job);
        let limits = containers.filter_map(|container| {
            let resources = container.node.get("resources")?;
            if !all && is_idle_helper(container.node) {
                return None;
            }
            Some(CpuLimit {
                owner: Owner::Container(container.name().unwrap_or("?")),
                limit: resources.at(&["limits", "cpu"])?,
                request: resources.at(&["requests", "cpu"]),
            })
        });
        return limits.collect();
    }
    // Kinds whose `spec.resources` goes to the main container unchanged.
    let known = matches!(
        (object.id.group.as_str(), object.id.kind.as_str()),
        ("monitoring.coreos.com", "Prometheus" | "PrometheusAgent" | "Alertmanager" | "ThanosRuler")
            | ("postgresql.cnpg.io", "Cluster")
            | ("opentelemetry.io", "OpenTelemetryCollector")
    );
    let resources = object.root.at(&["spec", "resources"]).filter(|_| known);
    let limit = resources.and_then(|resources| {
        Some(CpuLimit {
            owner: Owner::Resource,
            limit: resources.at(&["limits", "cpu"])?,
            request: resources.at(&["requests", "cpu"]),
        })
    });
    limit.into_iter().collect()
}

/// CPU limits in the values of a release, wherever a `resources` map has one. Settings of things that are switched off,
/// and, unless `all` is given, of things that only run for a while, are left out.
pub(super) fn of_release(release: &Release, all: bool) -> Vec<CpuLimit<'_>> {
    let mut found = Vec::new();
    walk(&release.values, &mut String::new(), all, &mut found);
    found
}

fn walk<'a>(node: &'a Node, path: &mut String, all: bool, found: &mut Vec<CpuLimit<'a>>) {
    if node.get("enabled").and_then(Node::as_bool) == Some(false) {
        return;
    }
    for entry in node.entries() {
        let name = entry.key.text.as_str();
        if !all && is_passing(name) {
            continue;
        }
        let length = path.len();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
        let is_resources = name == "resources" || name.ends_with("Resources");
        match entry.value.at(&["limits", "cpu"]).filter(|_| is_resources) {
            Some(limit) => found.push(CpuLimit {
                owner: Owner::Values(format!("{path}.limits.cpu")),
                limit,
                request: entry.value.at(&["requests", "cpu"]),
            }),
            None => walk(&entry.value, path, all, found),
        }
        path.truncate(length);
    }
}

/// Whether settings under this key are for containers that end: they may take their time.
fn is_passing(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["init", "job", "hook", "migrat", "test", "cleanup", "backup"].iter().any(|part| key.contains(part))
}

/// Containers that only wait: they hold a pod open and need next to no CPU.
fn is_idle_helper(container: &Node) -> bool {
    let image = container.get("image").and_then(Node::as_text).unwrap_or_default();
    let name = image.split('@').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    if name.split(':').next() == Some("pause") {
        return true;
    }
    let words = ["command", "args"].into_iter().flat_map(|key| container.get(key).map(Node::items).unwrap_or_default());
    let line: Vec<&str> = words.filter_map(Node::as_text).collect();
    let line = line.join(" ");
    ["sleep infinity", "tail -f /dev/null", "/pause"].iter().any(|idle| line.contains(idle))
}
