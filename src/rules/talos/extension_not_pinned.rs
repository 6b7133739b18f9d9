//! See `rules/talos/talos-extension-not-pinned.md`.

use super::extensions;
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

/// Where Talos' own extensions come from.
const UPSTREAM: &str = "ghcr.io/siderolabs/";

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    for extension in extensions::all(repository).iter().filter(|extension| extension.image) {
        let image = &extension.name;
        let Some(name) = image.strip_prefix(UPSTREAM) else { continue };
        // A digest in a template can't be told from a tag.
        if image.contains("@sha256:") || image.contains(['{', '$']) {
            continue;
        }
        let name = name.split(':').next().unwrap_or(name);
        let what = match name {
            "iscsi-tools" => {
                "a later build under the same tag has `iscsiadm` inside its own container only, and drivers that call it on \
                 the host attach no volume any more: pods stay in ContainerCreating"
            }
            _ => {
                "the tag counts releases of the program, not builds of the extension, so the next image may hold another one"
            }
        };
        let message = format!("`{image}` is whatever carries this tag when the image is made; {what}");
        let finding = findings.report(extension.span, message);
        finding
            .label("no digest")
            .help(format!("write `{image}@sha256:…` with the digest of the build that was tried"));
    }
}
