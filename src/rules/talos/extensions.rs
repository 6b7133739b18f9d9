//! The system extensions that a repository puts into Talos: arguments of the imager, machine configurations, and the
//! schematics of talhelper and the image factory.

use crate::is_yaml;
use crate::repository::Repository;
use crate::source::Span;
use crate::yaml::Node;

/// An extension somebody names.
pub(super) struct Extension {
    /// The image reference, or the name in Talos' own catalogue.
    pub(super) name: String,
    /// Where it is written.
    pub(super) span: Span,
    /// Whether it is an image, whose tag is chosen here; the catalogue's are those of the Talos release.
    pub(super) image: bool,
}

/// The imager's option.
const OPTION: &str = "--system-extension-image";

/// How deep a document is followed.
const MAX_DEPTH: usize = 64;

/// Every extension that is named, in order of the files.
pub(super) fn all(repository: &Repository) -> Vec<Extension> {
    let mut extensions = Vec::new();
    for file in repository.files.sources.files().iter().filter(|file| is_yaml(&file.path)) {
        let Some(text) = file.text() else { continue };
        if !text.contains(OPTION) && !text.contains("xtensions:") {
            continue;
        }
        let stream = repository.files.stream(file.id);
        for root in stream.documents.iter().filter_map(|document| document.root.as_ref()) {
            walk(root, repository, 0, &mut extensions);
        }
    }
    extensions
}

fn walk(node: &Node, repository: &Repository, depth: usize, found: &mut Vec<Extension>) {
    if depth > MAX_DEPTH {
        return;
    }
    let images = node.at(&["machine", "install", "extensions"]).map(Node::items).unwrap_or_default();
    for image in images.iter().filter_map(|extension| extension.get("image")) {
        found.extend(image.as_str().map(|name| Extension { name: name.to_owned(), span: image.span, image: true }));
    }
    for name in node.at(&["systemExtensions", "officialExtensions"]).map(Node::items).unwrap_or_default() {
        found.extend(name.as_str().map(|text| Extension { name: text.to_owned(), span: name.span, image: false }));
    }
    for entry in node.entries() {
        walk(&entry.value, repository, depth + 1, found);
    }
    let mut option = false;
    for item in node.items() {
        if let Some(text) = item.as_str().filter(|_| option) {
            found.push(Extension { name: text.to_owned(), span: item.span, image: true });
        }
        option = item.as_str() == Some(OPTION);
        walk(item, repository, depth + 1, found);
    }
    if let Some(text) = node.as_str().filter(|text| text.contains(OPTION)) {
        for (at, option) in text.match_indices(OPTION) {
            let start = at + option.len();
            let rest = text.get(start..).unwrap_or_default();
            // `=` or one blank stands between; a line that goes on ends with a backslash.
            let Some(image) = rest.strip_prefix(['=', ' ']) else { continue };
            let name: &str = image.split([' ', '\t', '\n', '\\', '"', '\'', '`', ')']).next().unwrap_or_default();
            if !name.is_empty() {
                let span = repository.files.part(node, start + 1..start + 1 + name.len()).unwrap_or(node.span);
                found.push(Extension { name: name.to_owned(), span, image: true });
            }
        }
    }
}
