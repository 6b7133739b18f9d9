//! What a named object has inside that others name too: keys, ports, listeners, templates.

use compact_str::CompactString;

use crate::kubernetes::Object;
use crate::source::Span;
use crate::yaml::Node;

/// The keys of a Secret or ConfigMap with the places where they are written; `None` if something else fills it.
pub fn keys(object: &Object) -> Option<Vec<(CompactString, Span)>> {
    // Programs that write keys into an object announce themselves by an annotation or a label of its metadata.
    let marks =
        ["secret-generator", "replicate-from", "/reflects", "avp.kubernetes.io", "inject", "vault", "autogenerate"];
    let metadata = |key| object.root.at(&["metadata", key]).map(Node::entries).unwrap_or_default();
    let marked = |text: &str| marks.iter().any(|mark| text.contains(mark));
    if metadata("annotations").iter().chain(metadata("labels")).any(|entry| marked(&entry.key.text)) {
        return None;
    }
    let maps = ["data", "stringData", "binaryData"].into_iter().filter_map(|key| object.root.get(key));
    let entries = maps.flat_map(Node::entries);
    let keys: Vec<_> = entries.map(|entry| (entry.key.json_name().as_ref().into(), entry.key.span)).collect();
    // Whoever writes an empty object means somebody else to fill it.
    Some(keys).filter(|keys: &Vec<(CompactString, Span)>| !keys.is_empty())
}

/// The ports of a Service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ports {
    /// Number, name and place of each.
    pub list: Vec<(i64, Option<CompactString>, Span)>,
}

/// The ports of a Service; `None` if it has none, is only a name for something outside, or is headless: a headless
/// Service leads to the pods themselves, whatever their port.
pub fn ports(object: &Object) -> Option<Ports> {
    let spec = object.root.get("spec")?;
    if spec.str_at(&["type"]) == Some("ExternalName") || spec.str_at(&["clusterIP"]) == Some("None") {
        return None;
    }
    let port = |node: &Node| {
        let number = node.get("port")?;
        let name = node.get("name").and_then(Node::as_text).map(CompactString::from);
        Some((number.as_i64()?, name, number.span))
    };
    let items = spec.get("ports")?.items();
    let list: Vec<_> = items.iter().filter_map(port).collect();
    // A port that is not known yet could be any.
    (list.len() == items.len() && !list.is_empty()).then_some(Ports { list })
}

/// Names and places of a list's elements: a Gateway's listeners, a WorkflowTemplate's templates.
pub fn listeners(object: &Object, path: &[&str]) -> Option<Vec<(CompactString, Span)>> {
    let name = |node: &Node| node.get("name").and_then(|name| Some((name.as_text()?.into(), name.span)));
    let items = object.root.at(path)?.items();
    let list: Vec<_> = items.iter().filter_map(name).collect();
    (list.len() == items.len() && !list.is_empty()).then_some(list)
}
