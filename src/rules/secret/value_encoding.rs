//! See `rules/secret/secret-value-encoding.md`.

use crate::finding::Severity;
use crate::kubernetes::{Object, secret};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::{Action, Node};

pub(crate) const CHECK: Check = Check::Object(check);

/// What a key's name ends in, without the marks between its words, where the value is one line and sent letter for letter.
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

/// Of those, the values that nothing expects in base64. Keys and tokens are often texts in base64 themselves.
const PLAIN: [&str; 4] = ["password", "passwd", "username", "connectionstring"];

/// Files that hold users with their passwords, one in a line.
const FILES: [&str; 2] = ["passwd", "htpasswd"];

/// Shorter texts that read as base64 may be words.
const SHORTEST_ENCODED: usize = 8;

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
        judge(key, &bytes, node, object, findings);
    }
    for entry in object.root.get("stringData").map(Node::entries).unwrap_or_default() {
        if let Some(text) = entry.value.as_text().filter(|text| is_written(text)) {
            judge(&entry.key.text, text.as_bytes(), &entry.value, object, findings);
        }
    }
}

fn judge(key: &str, value: &[u8], node: &Node, object: &Object, findings: &mut Findings<'_>) {
    let Some(slip) = slip(key, value) else { return };
    let Slip { is, effect, help } = slip;
    let message = format!(
        "the value of `{key}` in {} {is}, {effect}: the login is refused, though the value looks right",
        object.id
    );
    findings.report(node.span, message).severity(Severity::Warning).label(is).help(help);
}

/// What is wrong with a value.
struct Slip {
    is: &'static str,
    effect: &'static str,
    help: &'static str,
}

fn slip(key: &str, value: &[u8]) -> Option<Slip> {
    // What stands behind the last dot says what the value is: `db.password` is one, `password.txt` is a file.
    let last = key.rsplit('.').next().unwrap_or_default();
    let words: String = last.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let words = words.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let ends_in = |names: &[&str]| names.iter().any(|name| words.ends_with(name));
    if !ends_in(&EXACT) || FILES.contains(&words) {
        return None;
    }
    if is_two_bytes_a_letter(value) {
        let help = "encode it as UTF-8; PowerShell's `[Text.Encoding]::Unicode` is UTF-16, `::UTF8` is meant";
        return Some(Slip { is: "is in UTF-16", effect: "with a zero byte behind each letter", help });
    }
    let text = std::str::from_utf8(value).ok()?;
    let line = text.strip_suffix('\n').map(|line| line.trim_end_matches('\r'));
    let content = line.unwrap_or(text);
    if content.trim().is_empty() || content.contains('\n') || content.starts_with('{') {
        return None;
    }
    let sent = "which is sent as a part of it";
    let help = "write it without";
    match content {
        _ if content.starts_with('\u{feff}') => {
            Some(Slip { is: "begins with a byte order mark", effect: sent, help: "save the file as UTF-8 without one" })
        }
        _ if line.is_some() => {
            let help = "write it without: `printf %s … | base64`, not `echo … | base64`, and `|-` for `|`";
            Some(Slip { is: "ends with a line break", effect: sent, help })
        }
        _ if content.ends_with([' ', '\t']) => Some(Slip { is: "ends with a space", effect: sent, help }),
        _ if content.starts_with([' ', '\t']) => Some(Slip { is: "begins with a space", effect: sent, help }),
        _ if ends_in(&PLAIN) && is_encoded(content) => Some(Slip {
            is: "is in base64 once more",
            effect: "and is decoded once only",
            help: "encode it once, or write it below `stringData` as it is",
        }),
        _ => None,
    }
}

/// Whether a text is letters of ASCII in UTF-16, which no credential is.
fn is_two_bytes_a_letter(value: &[u8]) -> bool {
    let value = value.strip_prefix(&[0xff, 0xfe]).unwrap_or(value);
    let mut pairs = value.chunks(2);
    value.len() >= 4 && pairs.all(|pair| matches!(pair, [letter, 0] if letter.is_ascii() && *letter != 0))
}

/// Whether a text is base64 of letters that can be read. That a word is so by chance is next to impossible, for each
/// fourth of its letters must be one of the first 32 of the alphabet of base64, and more.
fn is_encoded(text: &str) -> bool {
    text.len() >= SHORTEST_ENCODED
        && secret::decode(text).is_some_and(|bytes| {
            bytes.strip_suffix(b"\n").unwrap_or(&bytes).iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
        })
}

/// Whether the text is the value itself, and nothing that is decrypted or filled in.
fn is_written(text: &str) -> bool {
    !text.trim().is_empty() && !secret::is_filled_in(text)
}
