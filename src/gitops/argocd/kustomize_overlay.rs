//! `spec.source.kustomize` as the kustomization it amounts to: Argo CD runs `kustomize edit` before the build.

use crate::yaml::{Entry, Key, Mapping, Node};

/// Fields that have the same name and form in a kustomization.
const SAME: [&str; 7] =
    ["namePrefix", "nameSuffix", "namespace", "replicas", "patches", "components", "commonAnnotations"];

/// The kustomization to lay over the directory's own; `None` if the block changes nothing.
pub(super) fn overlay(block: &Node) -> Option<Node> {
    let mut mapping = Mapping::default();
    for entry in block.entries() {
        let key = entry.key.text.as_str();
        match key {
            "images" => {
                let images: Vec<Node> = entry.value.items().iter().filter_map(image).collect();
                push(&mut mapping, entry, Node::sequence(images, entry.value.span));
            }
            "commonLabels" if without_selector(block) => {
                let pairs =
                    Mapping::from_iter([Entry { key: Key::new("pairs", entry.key.span), value: entry.value.clone() }]);
                let labels = Node::sequence(vec![Node::mapping(pairs, entry.value.span)], entry.value.span);
                mapping.push(Entry { key: Key::new("labels", entry.key.span), value: labels });
            }
            "commonLabels" => push(&mut mapping, entry, entry.value.clone()),
            key if SAME.contains(&key) => push(&mut mapping, entry, entry.value.clone()),
            _ => {}
        }
    }
    (!mapping.is_empty()).then(|| Node::mapping(mapping, block.span))
}

fn without_selector(block: &Node) -> bool {
    block.get("labelWithoutSelector").and_then(Node::as_bool).unwrap_or(false)
}

fn push(mapping: &mut Mapping, entry: &Entry, value: Node) {
    mapping.push(Entry { key: entry.key.clone(), value });
}

/// `[old=]new[:tag|@digest]`, as `kustomize edit set image` reads it.
fn image(node: &Node) -> Option<Node> {
    let text = node.as_text()?;
    let (name, new) = text.split_once('=').map_or((None, text), |(name, new)| (Some(name), new));
    let (reference, digest) = new.split_once('@').map_or((new, None), |(reference, digest)| (reference, Some(digest)));
    let colon = reference.rfind(':').filter(|at| !reference.get(*at..).unwrap_or_default().contains('/'));
    let (new_name, tag) = match colon {
        Some(at) => (reference.get(..at).unwrap_or_default(), reference.get(at + 1..)),
        None => (reference, None),
    };
    let mut mapping = Mapping::default();
    let mut set = |key: &str, value: &str| {
        mapping.push(Entry { key: Key::new(key, node.span), value: Node::string(value, node.span) });
    };
    set("name", name.unwrap_or(new_name));
    if name.is_some() {
        set("newName", new_name);
    }
    if let Some(tag) = tag {
        set("newTag", tag);
    }
    if let Some(digest) = digest {
        set("digest", digest);
    }
    Some(Node::mapping(mapping, node.span))
}
