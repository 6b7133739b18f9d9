//! See `rules/secret/secret-type-invalid.md`.

use crate::kubernetes::{Object, secret};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::{Action, Node};

pub(crate) const CHECK: Check = Check::Object(check);

/// Keys without which the API server refuses a Secret of a type.
/// Source: kubernetes/kubernetes, `ValidateSecret` in pkg/apis/core/validation.
const NEEDED: [(&str, &[&str]); 3] = [
    ("kubernetes.io/tls", &["tls.crt", "tls.key"]),
    ("kubernetes.io/dockerconfigjson", &[".dockerconfigjson"]),
    ("kubernetes.io/dockercfg", &[".dockercfg"]),
];

fn check(object: &Object, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    let Some(kind) = object.root.get("type").filter(|_| object.id.is("", "Secret")) else { return };
    let Some((name, needed)) = NEEDED.iter().find(|(name, _)| kind.as_text() == Some(name)) else { return };
    let maps = ["data", "stringData"].map(|key| object.root.get(key));
    if maps.iter().flatten().any(|map| map.as_mapping().is_none() && !map.is_null()) {
        return;
    }
    let value = |key: &str| maps.iter().flatten().rev().find_map(|map| map.get(key));
    let missing: Vec<&str> = needed.iter().copied().filter(|key| value(key).is_none()).collect();
    if let Some(first) = missing.first() {
        let keys = missing.join("` and `");
        let message = format!(
            "{} is of the type {name} and has no `{keys}`: the API server refuses it, `data[{first}]: Required value`",
            object.id
        );
        findings.report(kind.span, message).label(format!("needs `{keys}`")).help(format!(
            "add `{keys}`, or write `type: Opaque` if whoever reads the Secret does not ask for the type"
        ));
    }
    for key in needed.iter().filter(|key| key.starts_with(".docker")) {
        if holds_no_json(&maps, key) {
            let node = value(key).unwrap_or(kind);
            let message = format!(
                "`{key}` of {} is not JSON: the API server refuses the Secret, `data[{key}]: Invalid value`",
                object.id
            );
            findings
                .report(node.span, message)
                .label("no JSON")
                .help("it is the file that `docker login` writes: `{\"auths\": {\"registry\": {\"auth\": …}}}`");
        }
    }
}

/// Whether the value under a key is known, and no map in JSON.
fn holds_no_json(maps: &[Option<&Node>; 2], key: &str) -> bool {
    let [data, strings] = maps.map(|map| map.and_then(|map| map.get(key)));
    let written = |node: &&Node| {
        let generated = node.history.changes().iter().any(|change| change.action == Action::Generated);
        !generated && node.as_text().is_some_and(|text| !text.trim().is_empty() && !secret::is_filled_in(text))
    };
    // `stringData` wins over `data`.
    let bytes = match (strings, data.filter(written)) {
        (Some(text), _) => Some(text).filter(written).and_then(Node::as_text).map(|text| text.as_bytes().to_vec()),
        (None, Some(encoded)) => encoded.as_text().and_then(secret::decode),
        (None, None) => None,
    };
    bytes.is_some_and(|bytes| {
        let text = String::from_utf8_lossy(&bytes);
        !secret::is_filled_in(&text) && serde_json::from_slice::<serde_json::Map<_, _>>(&bytes).is_err()
    })
}
