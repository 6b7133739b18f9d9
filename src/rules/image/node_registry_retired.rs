//! See `rules/image/image-node-registry-retired.md`.

use toml_edit::{Document, Item, TableLike};

use super::name::Name;
use super::registries::{Status, row_of};
use crate::finding::Severity;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::{SourceFile, Span};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// The key by which containerd is told the image that holds each pod together.
const SANDBOX: &str = "sandbox_image";

/// Tables nest no deeper than this in practice; it bounds the way down.
const DEEPEST: usize = 20;

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    for file in repository.files.sources.files() {
        if repository.config.skip.matches(&file.path) {
            continue;
        }
        if file.path.extension() == Some("toml") {
            of_toml(&file, findings);
        }
        if !crate::is_yaml(&file.path) {
            continue;
        }
        for document in &repository.files.stream(file.id).documents {
            let Some(root) = &document.root else { continue };
            of_kubeadm(root, findings);
            of_talos(root, repository, findings);
        }
    }
}

/// containerd's own file.
fn of_toml(file: &SourceFile, findings: &mut Findings<'_>) {
    let Some(text) = file.text().filter(|text| text.contains(SANDBOX)) else { return };
    for (image, range) in sandbox_images(text) {
        tell(("containerd", OF_CONTAINERD), &image, Span::new(file.id, range.start, range.end), findings);
    }
}

/// kubeadm's configuration: where the images of the control plane come from.
fn of_kubeadm(root: &Node, findings: &mut Findings<'_>) {
    let is_kubeadm = root.str_at(&["apiVersion"]).is_some_and(|version| version.starts_with("kubeadm.k8s.io/"));
    let places = [&["imageRepository"][..], &["dns", "imageRepository"], &["etcd", "local", "imageRepository"]];
    for node in places.into_iter().filter(|_| is_kubeadm).filter_map(|path| root.at(path)) {
        if let Some(image) = node.as_text() {
            tell(("kubeadm", OF_KUBEADM), image, node.span, findings);
        }
    }
}

/// Files that Talos writes for containerd.
fn of_talos(root: &Node, repository: &Repository, findings: &mut Findings<'_>) {
    for file in root.at(&["machine", "files"]).map(Node::items).unwrap_or_default() {
        let Some(content) = file.get("content") else { continue };
        let Some(text) = content.as_text().filter(|text| text.contains(SANDBOX)) else { continue };
        for (image, range) in sandbox_images(text) {
            let place = repository.files.part(content, range).unwrap_or(content.span);
            tell(("containerd", OF_CONTAINERD), &image, place, findings);
        }
    }
}

/// The images that a file of containerd gives its sandboxes, with their places in the text.
fn sandbox_images(text: &str) -> Vec<(String, std::ops::Range<usize>)> {
    let Ok(document) = Document::parse(text.to_owned()) else { return Vec::new() };
    let mut found = Vec::new();
    collect(document.as_table(), 0, &mut found);
    found
}

fn collect(table: &dyn TableLike, depth: usize, found: &mut Vec<(String, std::ops::Range<usize>)>) {
    if depth > DEEPEST {
        return;
    }
    for (key, item) in table.iter() {
        if let (SANDBOX, Some(image), Some(range)) = (key, item.as_str(), item.span()) {
            found.push((image.to_owned(), range));
        } else if let Some(table) = Item::as_table_like(item) {
            collect(table, depth + 1, found);
        }
    }
}

/// What the node shows.
const OF_CONTAINERD: &str = "once a node has cleared the image away and can't pull it again, no pod starts there, \"failed to get \
                             sandbox image\"";
const OF_KUBEADM: &str = "`kubeadm init` and `kubeadm upgrade` stop at images of releases that it never got, \"failed to pull \
                          image\"";

fn tell((who, consequence): (&str, &str), image: &str, place: Span, findings: &mut Findings<'_>) {
    // What kubeadm is told is a registry alone.
    let Some(row) = row_of(image).or_else(|| row_of(&Name::of(image).full)) else { return };
    let (severity, fate) = match row.status {
        Status::Gone => (Severity::Error, format!("whose images are not there any more{}", row.since_words())),
        Status::Ending => (Severity::Warning, format!("whose images will be gone from {} on", row.since)),
        Status::Frozen => (Severity::Warning, format!("which gets no images{}", row.since_words())),
        Status::Moved | Status::Unmaintained | Status::Lookalike => return,
    };
    let message = format!("{who} is told to pull `{image}`, {fate}: {consequence}");
    findings.report(place, message).severity(severity).label("from a registry that was given up").help(row.advice);
}
