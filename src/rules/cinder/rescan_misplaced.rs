//! See `rules/cinder/cinder-rescan-misplaced.md`.

use std::borrow::Cow;
use std::ops::Range;

use crate::kubernetes::{Object, secret};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Object(check);

/// The section that the option is read from. Source: cloud-provider-openstack, docs/cinder-csi-plugin.
const SECTION: &str = "BlockStorage";

fn check(object: &Object, _: &BuiltApp, repository: &Repository, findings: &mut Findings<'_>) {
    if !matches!((object.id.group.as_str(), object.id.kind.as_str()), ("", "ConfigMap" | "Secret")) {
        return;
    }
    for field in ["data", "stringData"] {
        for entry in object.root.get(field).map(Node::entries).unwrap_or_default() {
            if !matches!(entry.key.text.as_str(), "cloud.conf" | "cloud-config" | "cloud.config") {
                continue;
            }
            let Some(written) = entry.value.as_text() else { continue };
            let is_encoded = object.id.kind == "Secret" && field == "data";
            let text = if is_encoded { decoded(written) } else { Some(Cow::Borrowed(written)) };
            let Some((line, mistake)) = text.as_deref().and_then(misplaced) else { continue };
            let part = if is_encoded { None } else { repository.files.part(&entry.value, line) };
            let message = format!(
                "{mistake}, so it is not read: a volume that was made larger keeps its former size for the node, and its file \
                 system does not grow"
            );
            let finding = findings.report(part.unwrap_or(entry.value.span), message);
            finding.help(format!("write `rescan-on-resize=true` below `[{SECTION}]`"));
        }
    }
}

fn decoded(text: &str) -> Option<Cow<'_, str>> {
    String::from_utf8(secret::decode(text)?).ok().map(Cow::Owned)
}

/// The line that sets the option where it is not read, and why it is not.
fn misplaced(text: &str) -> Option<(Range<usize>, String)> {
    let mut section = "";
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let at = start;
        start += line.len();
        let trimmed = line.trim();
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            section = name.trim_matches('"');
        }
        let Some((key, _)) = trimmed.split_once('=') else { continue };
        let key = key.trim();
        let place = at..at + line.trim_end().len();
        if key == "rescan_on_resize" {
            return Some((place, "the option is written with hyphens, `rescan-on-resize`".to_owned()));
        }
        if key == "rescan-on-resize" && section != SECTION {
            return Some((place, format!("`rescan-on-resize` stands below `[{section}]` instead of `[{SECTION}]`")));
        }
    }
    None
}
