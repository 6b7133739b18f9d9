//! How pods read ConfigMaps and Secrets that they look at once, when they start.

use crate::kubernetes::{Container, Object, Pod};
use crate::source::Span;
use crate::yaml::Node;

/// A place where a container reads a ConfigMap or Secret when it starts, and never again.
pub(super) struct Read<'a> {
    /// `into their environment`, `through a subPath`.
    pub(super) how: &'static str,
    /// Where that is said.
    pub(super) place: Span,
    /// The one key that is read; `None` if it is all of them.
    pub(super) key: Option<&'a str>,
}

/// How a Deployment, StatefulSet or DaemonSet reads an object at the start of its pods; empty if something else restarts
/// them when the content changes.
pub(super) fn reads<'a>(user: &'a Object, object: &'a Object) -> Vec<Read<'a>> {
    let kinds = ["Deployment", "StatefulSet", "DaemonSet"];
    if !kinds.iter().any(|kind| user.id.is("apps", kind)) || is_rolled_otherwise(user) {
        return Vec::new();
    }
    let Some(pod) = Pod::of(user) else { return Vec::new() };
    pod.containers().flat_map(|container| in_container(pod, container, object)).collect()
}

fn in_container<'a>(pod: Pod<'a>, container: Container<'a>, object: &'a Object) -> Vec<Read<'a>> {
    let (key, reference, volume, field) = match object.id.kind == "Secret" {
        true => ("secretKeyRef", "secretRef", "secret", "secretName"),
        false => ("configMapKeyRef", "configMapRef", "configMap", "name"),
    };
    let is_meant = |name: &&Node| name.as_text() == Some(&*object.id.name);
    let list = |node: &'a Node, field: &str| node.get(field).map(Node::items).unwrap_or_default();
    let from_env = list(container.node, "env").iter().filter_map(|env| {
        let source = env.at(&["valueFrom", key])?;
        let name = source.get("name").filter(is_meant)?;
        Some(Read { how: "into their environment", place: name.span, key: source.str_at(&["key"]) })
    });
    let from_all = list(container.node, "envFrom").iter().filter_map(|env| {
        let name = env.at(&[reference, "name"]).filter(is_meant)?;
        Some(Read { how: "into their environment", place: name.span, key: None })
    });
    let volumes =
        list(pod.spec, "volumes").iter().filter(|one| one.at(&[volume, field]).as_ref().is_some_and(is_meant));
    // Which file a key becomes may be changed by the volume; then any key may be meant.
    let volumes: Vec<(&str, bool)> =
        volumes.filter_map(|one| Some((one.str_at(&["name"])?, one.at(&[volume, "items"]).is_none()))).collect();
    let mounts = list(container.node, "volumeMounts").iter().filter_map(|mount| {
        let (name, path) = (mount.get("name")?, mount.get("subPath")?);
        let (_, as_named) = volumes.iter().find(|(volume, _)| name.as_str() == Some(volume))?;
        let key = path.as_text().filter(|_| *as_named);
        Some(Read { how: "through a subPath", place: name.span, key })
    });
    from_env.chain(from_all).chain(mounts).collect()
}

/// Whether something else restarts the pods: Reloader, or a checksum of the content in an annotation.
fn is_rolled_otherwise(user: &Object) -> bool {
    let places: [&[&str]; 2] = [&["metadata", "annotations"], &["spec", "template", "metadata", "annotations"]];
    let annotations = places.iter().filter_map(|path| user.root.at(path)).flat_map(Node::entries);
    annotations.into_iter().any(|entry| {
        let key = entry.key.text.to_ascii_lowercase();
        ["reloader", "checksum", "hash"].iter().any(|word| key.contains(word))
    })
}
