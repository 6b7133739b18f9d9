//! Files that SOPS encrypted: their keys are readable, their values are not.

use std::sync::Arc;

use crate::yaml::{Node, Tag, Value};

/// Whether SOPS wrote this document: it has a `sops` block with a message authentication code.
pub fn is_encrypted(root: &Node) -> bool {
    root.at(&["sops", "mac"]).is_some()
}

/// The document as it will be after decryption: encrypted values are unknown, the `sops` block is gone.
pub fn decrypted(root: &Node) -> Node {
    let mut root = hidden(root);
    if let Some(mapping) = root.as_mapping_mut() {
        mapping.retain(|entry| entry.key.text != "sops");
    }
    root
}

fn hidden(node: &Node) -> Node {
    let mut node = node.clone();
    match &mut node.value {
        Value::Scalar(text) if text.starts_with("ENC[") => node.tag = Tag::Unknown,
        Value::Scalar(_) => {}
        Value::Sequence(items) => items_mut(items).iter_mut().for_each(|item| *item = hidden(item)),
        Value::Mapping(mapping) => {
            Arc::make_mut(mapping).values_mut().for_each(|value| *value = hidden(value));
        }
    }
    node
}

fn items_mut(items: &mut Arc<Vec<Node>>) -> &mut Vec<Node> {
    Arc::make_mut(items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use crate::yaml::parse;

    #[test]
    fn encrypted_values_are_unknown_and_plain_ones_stay() {
        let text = "a: ENC[AES256_GCM,data:x]\nb: [\"ENC[AES256_GCM]\", 1]\nsops: {mac: \"ENC[x]\"}\n";
        let root = parse(FileId(0), text.as_bytes()).documents.remove(0).root.expect("content");
        assert!(is_encrypted(&root));
        let root = decrypted(&root);
        assert!(root.get("sops").is_none());
        assert!(root.get("a").is_some_and(Node::is_unknown));
        assert_eq!(root.get("b").and_then(|list| list.items().get(1)).and_then(Node::as_i64), Some(1));
    }
}
