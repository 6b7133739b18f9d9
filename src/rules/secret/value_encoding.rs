//! See `rules/secret/secret-value-encoding.md`.

use crate::finding::Severity;
use crate::kubernetes::{Object, secret};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::{Action, Node};

pub(crate) const CHECK: Check = Check::Object(check);

/// Parts of key names, without the marks between their words, whose values are one line, sent letter for letter.
const EXACT: [&str; 11] = [
    "password",
    "passwd",
    "token",
    "username",
    "apikey",
    "accesskey",
    "secretkey",
    "storagekey",
    "accountkey",
    "clientsecret",
    "connectionstring",
];

fn check(object: &Object, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    if !object.id.is("", "Secret") {
        return;
    }
    for entry in object.root.get("data").map(Node::entries).unwrap_or_default() {
        let node = &entry.value;
        let was_generated = node.history.changes().iter().any(|change| change.action == Action::Generated);
        let Some(text) = node.as_text().filter(|text| !was_generated && is_written(text)) else { continue };
        let key = entry.key.text.as_str();
        let Some(bytes) = secret::decode(text) else {
            let message = format!(
                "`{key}` of {} is not base64, and the API server refuses the Secret: `illegal base64 data`",
                object.id
            );
            findings
                .report(node.span, message)
                .label("no base64")
                .help("encode it, or write it below `stringData` as it is");
            continue;
        };
        let words: String = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        if !EXACT.iter().any(|part| words.contains(part)) {
            continue;
        }
        let Ok(value) = String::from_utf8(bytes) else { continue };
        let Some(line) = value.strip_suffix('\n').map(|line| line.trim_end_matches('\r')) else { continue };
        if line.is_empty() || line.contains('\n') {
            continue;
        }
        let message = format!(
            "the value of `{key}` in {} ends with a line break, which is sent as a part of it: the login is refused, though \
             the value looks right",
            object.id
        );
        let finding = findings.report(node.span, message);
        finding.severity(Severity::Warning).label("ends with a line break");
        finding.help("encode it without: `printf %s … | base64`, not `echo … | base64`");
    }
}

/// Whether the text is the value itself, and nothing that is decrypted or filled in.
fn is_written(text: &str) -> bool {
    !text.trim().is_empty() && !secret::is_filled_in(text)
}
