//! See `rules/helm/helm-values-dedented.md`.

use super::DEEPEST;
use crate::gitops::{FileClass, inline_values};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::SourceFile;
use crate::yaml::{Entry, Node, Stream};

pub(crate) const CHECK: Check = Check::File(check);

/// Keys that settings of a part are made of, beside `enabled`.
const USUAL: [&str; 22] = [
    "provider",
    "schedule",
    "bucket",
    "container",
    "size",
    "storageClass",
    "storageClassName",
    "host",
    "port",
    "user",
    "username",
    "password",
    "existingSecret",
    "existingClaim",
    "annotations",
    "path",
    "type",
    "image",
    "tag",
    "accessModes",
    "className",
    "tls",
];

/// Keys that hold one value or an own small map, and that charts leave empty.
const LEAVES: [&str; 24] = [
    "affinity",
    "annotations",
    "existingConfigMap",
    "existingConfigmap",
    "extraArgs",
    "extraEnv",
    "fullnameOverride",
    "hostname",
    "ingressClassName",
    "labels",
    "loadBalancerIP",
    "nameOverride",
    "namespace",
    "nodePort",
    "nodeSelector",
    "priorityClassName",
    "resources",
    "secretName",
    "selector",
    "serviceMonitor",
    "subPath",
    "tolerations",
    "volumeName",
    "volumes",
];

/// Parts of a chart that are switched on themselves, by an `enabled` right below them.
const SWITCHED: [&str; 12] = [
    "auth",
    "autoscaling",
    "gateway",
    "ingress",
    "metrics",
    "networkPolicy",
    "persistence",
    "pdb",
    "podDisruptionBudget",
    "serviceAccount",
    "serviceMonitor",
    "tls",
];

fn check(file: &SourceFile, stream: &Stream, repository: &Repository, findings: &mut Findings<'_>) {
    let class = repository.class(file.id);
    for root in stream.documents.iter().filter_map(|document| document.root.as_ref()) {
        if class == FileClass::Values {
            walk(root, "", 0, file, findings);
        } else if class.matters() {
            for values in inline_values(root, &repository.inventory) {
                let embedded = values.as_str().map(|_| repository.files.embedded(values));
                let inner = embedded.iter().flat_map(|stream| &stream.documents).find_map(|one| one.root.as_ref());
                walk(inner.unwrap_or(values), "", 0, file, findings);
            }
        }
    }
}

/// `name` is the key that holds the node.
fn walk(node: &Node, name: &str, depth: usize, file: &SourceFile, findings: &mut Findings<'_>) {
    if depth > DEEPEST {
        return;
    }
    node.items().iter().for_each(|item| walk(item, "", depth + 1, file, findings));
    let entries = node.entries();
    let is_part = |key: &str| !USUAL.contains(&key) && !LEAVES.contains(&key);
    let blank = entries.iter().enumerate().filter(|(_, entry)| is_part(&entry.key.text));
    let mut blank = blank.filter(|(_, entry)| is_blank(entry, file));
    // Where several parts are left empty, emptiness is the habit of the file.
    if let (Some((at, entry)), None) = (blank.next(), blank.next()) {
        let strays: Vec<&Entry> = entries.get(at + 1..).unwrap_or_default().iter().collect();
        let before = entries.get(..at).unwrap_or_default();
        if !SWITCHED.contains(&name) && is_dedented(before, &strays) {
            tell(entry, &strays, findings);
        }
    }
    entries.iter().for_each(|entry| walk(&entry.value, &entry.key.text, depth + 1, file, findings));
}

/// A key with nothing behind it, on a line of its own.
fn is_blank(entry: &Entry, file: &SourceFile) -> bool {
    let behind = file.text().and_then(|text| text.get(entry.key.span.end as usize..)).unwrap_or_default();
    let rest = behind.lines().next().unwrap_or_default().trim_start().strip_prefix(':').map(str::trim);
    entry.value.is_null() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
}

/// Whether the keys behind the blank one look like its own: they switch something on and set it up, though the map around
/// them was not about to be switched on.
fn is_dedented(before: &[Entry], strays: &[&Entry]) -> bool {
    let has = |key: &str| strays.iter().any(|stray| stray.key.text == key);
    let usual = strays.iter().filter(|stray| USUAL.contains(&stray.key.text.as_str())).count();
    let own = |entry: &Entry| entry.key.text == "enabled" || USUAL.contains(&entry.key.text.as_str());
    let starts = strays.first().is_some_and(|first| own(first));
    starts && has("enabled") && usual >= 2 && !before.iter().any(own)
}

fn tell(entry: &Entry, strays: &[&Entry], findings: &mut Findings<'_>) {
    let key = &entry.key.text;
    let names: Vec<String> = strays.iter().take(3).map(|stray| format!("`{}`", stray.key.text)).collect();
    let message = format!(
        "`{key}:` is empty, and {} stand beside it where they look meant to be below it: the settings of `{key}` are never read",
        names.join(", ")
    );
    let finding = findings.report(entry.key.span, message);
    finding.label("empty");
    for stray in strays.iter().take(3) {
        finding.related(stray.key.span, format!("below `{key}`?"));
    }
    finding.help(format!("indent them below `{key}:`"));
}
