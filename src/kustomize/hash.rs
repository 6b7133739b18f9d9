//! The content hash that generated names end with.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::accumulate::{Accumulator, Engine};
use super::id::text_of;
use super::names::rewrite;
use super::resource::Resource;
use super::scalar;
use crate::yaml::{Action, Node, Scalar, Value};

impl Engine<'_> {
    /// Puts the hash behind the names of generated resources.
    pub(super) fn hash_names(&mut self, gathered: &mut Accumulator) {
        for resource in gathered.resources.all_mut() {
            let Some(by) = resource.needs_hash else { continue };
            let hash = content_hash(resource);
            let name = format!("{}-{hash}", resource.name());
            resource.remember_id();
            let metadata = resource.root.as_mapping_mut().and_then(|root| root.get_mut("metadata"));
            if let Some(node) = metadata.and_then(Node::as_mapping_mut).and_then(|metadata| metadata.get_mut("name")) {
                rewrite(node, name, Action::Hashed, by);
            }
        }
    }
}

/// Ten letters of the SHA-256 over the content, as kustomize's `api/hasher` computes it. The name never counts.
fn content_hash(resource: &Resource) -> String {
    let part = |field: &str| {
        let mut node = resource.root.get(field).cloned();
        if let Some(node) = &mut node {
            // What can't be printed fails later, with its place.
            let _ = scalar::canonical(node);
        }
        node
    };
    let filled = |node: &Option<Node>| node.as_ref().is_some_and(|node| !node.entries().is_empty());
    let data = |json: &mut String, node: &Option<Node>| match node {
        Some(node) if !node.is_null() => write_json(node, json),
        _ => json.push_str("\"\""),
    };
    let mut json = String::from("{");
    match text_of(resource.root.get("kind")) {
        "ConfigMap" => {
            let binary = part("binaryData");
            if filled(&binary) {
                json.push_str("\"binaryData\":");
                data(&mut json, &binary);
                json.push(',');
            }
            json.push_str("\"data\":");
            data(&mut json, &part("data"));
            json.push_str(",\"kind\":\"ConfigMap\",\"name\":\"\"}");
        }
        "Secret" => {
            json.push_str("\"data\":");
            data(&mut json, &part("data"));
            json.push_str(",\"kind\":\"Secret\",\"name\":\"\",");
            let text = part("stringData");
            if filled(&text) {
                json.push_str("\"stringData\":");
                data(&mut json, &text);
                json.push(',');
            }
            json.push_str("\"type\":");
            write_string(text_of(resource.root.get("type")), &mut json);
            json.push('}');
        }
        _ => {
            json.clear();
            let mut root = resource.root.clone();
            let _ = scalar::canonical(&mut root);
            write_json(&root, &mut json);
        }
    }
    let mut hex = String::new();
    for byte in Sha256::digest(json.as_bytes()) {
        // Writing to a string never fails.
        let _ = write!(hex, "{byte:02x}");
    }
    let replace = |digit| match digit {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        digit => digit,
    };
    hex.chars().take(10).map(replace).collect()
}

/// A tree as Go's `encoding/json` writes it.
pub(super) fn write_json(node: &Node, json: &mut String) {
    match &node.value {
        Value::Sequence(items) => {
            json.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    json.push(',');
                }
                write_json(item, json);
            }
            json.push(']');
        }
        Value::Mapping(mapping) => {
            let mut entries: Vec<_> = mapping.iter().map(|entry| (entry.key.json_name(), &entry.value)).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            json.push('{');
            for (at, (key, value)) in entries.into_iter().enumerate() {
                if at > 0 {
                    json.push(',');
                }
                write_string(&key, json);
                json.push(':');
                write_json(value, json);
            }
            json.push('}');
        }
        Value::Scalar(text) => match node.resolve() {
            None | Some(Scalar::Null) => json.push_str("null"),
            Some(Scalar::Bool(value)) => json.push_str(if value { "true" } else { "false" }),
            Some(Scalar::Int(value)) => json.push_str(&value.to_string()),
            Some(Scalar::UInt(value)) => json.push_str(&value.to_string()),
            Some(Scalar::Float(value)) => json.push_str(&value.to_string()),
            Some(Scalar::String(text)) => write_string(text, json),
            Some(Scalar::Unknown) => write_string(text, json),
        },
    }
}

fn write_string(text: &str, json: &mut String) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(json, "\\u{:04x}", u32::from(character));
            }
            character => json.push(character),
        }
    }
    json.push('"');
}
