//! Where images are named: in the containers of built pods, in fields of custom resources, and in the values of charts.

use std::borrow::Cow;

use crate::finding::{Edit, Finding};
use crate::kubernetes::Pod;
use crate::repository::{BuiltApp, Repository};
use crate::rules::Findings;
use crate::source::Span;
use crate::yaml::{Action, Node};

use super::fields;
use super::name::Name;
use super::registries::Row;

/// Values nest no deeper than this in practice; it bounds the way down.
const DEEPEST: usize = 40;

/// An image as it is named somewhere.
pub(super) struct Place<'a> {
    /// The text that names its registry, or else the image.
    pub(super) node: &'a Node,
    /// The reference; of values, without a tag that is kept apart.
    pub(super) text: Cow<'a, str>,
    /// The tag, where values keep it apart.
    pub(super) tag: Option<&'a str>,
    /// What names it, for messages: "container `web` of Deployment shop/web".
    pub(super) whose: String,
    /// Whether it is the image of a container as it stands, so that the whole reference is known.
    pub(super) is_container: bool,
}

/// Hands every place of an app over, with the findings set to its object.
pub(super) fn each<'a>(
    app: &'a BuiltApp,
    findings: &mut Findings<'a>,
    mut look: impl FnMut(Place<'a>, &mut Findings<'a>),
) {
    for object in &app.objects {
        findings.about(Some(app), Some(object));
        let Some(pod) = Pod::of(object) else {
            for (path, node) in fields::of(object) {
                if let Some(place) = of_field(node, format!("`{path}` of {}", object.id)) {
                    look(place, findings);
                }
            }
            continue;
        };
        for container in pod.containers() {
            let Some(node) = container.node.get("image") else { continue };
            let Some(text) = node.as_text().filter(|text| is_settled(text)) else { continue };
            let whose = match container.name() {
                Some(name) => format!("container `{name}` of {}", object.id),
                None => object.id.to_string(),
            };
            look(Place { node, text: text.into(), tag: None, whose, is_container: true }, findings);
        }
    }
    findings.about(Some(app), None);
    for release in &app.releases {
        let whose = format!("the chart {}", release.chart.name);
        walk(&release.values, &whose, 0, &mut |place| look(place, findings));
    }
}

/// A field of a custom resource. Addresses with a scheme are for tools that put an image in their place.
fn of_field(node: &Node, whose: String) -> Option<Place<'_>> {
    let Some(text) = node.as_text() else { return of_value(node, &whose) };
    let is_image = is_settled(text) && !text.contains("://");
    is_image.then(|| Place { node, text: text.into(), tag: None, whose, is_container: true })
}

/// `image: {registry: …, repository: …, tag: …}` and `image: name:tag`, anywhere in values; keys such as `sidecarImage` too.
fn walk<'a>(node: &'a Node, whose: &str, depth: usize, look: &mut impl FnMut(Place<'a>)) {
    if depth > DEEPEST {
        return;
    }
    node.items().iter().for_each(|item| walk(item, whose, depth + 1, look));
    for entry in node.entries() {
        if entry.key.text == "image" || entry.key.text.ends_with("Image") {
            of_value(&entry.value, whose).map(&mut *look);
        }
        walk(&entry.value, whose, depth + 1, look);
    }
}

fn of_value<'a>(value: &'a Node, whose: &str) -> Option<Place<'a>> {
    let whose = whose.to_owned();
    if let Some(text) = value.as_text() {
        // Pictures are called so too, and are named by a URL or a path.
        let is_picture = text.contains("://") || text.starts_with(['/', '.']);
        let is_name = is_settled(text) && text.contains('/') && !is_picture;
        return is_name.then(|| Place { node: value, text: text.into(), tag: None, whose, is_container: false });
    }
    let repository = value.get("repository")?;
    let name = repository.as_text().filter(|text| is_settled(text))?;
    let registry = value.get("registry").filter(|registry| registry.as_text() != Some(""));
    let tag = value.get("tag").and_then(Node::as_text);
    match registry {
        None if name.contains('/') => {
            Some(Place { node: repository, text: name.into(), tag, whose, is_container: false })
        }
        // The chart's default for the registry is not known.
        None => None,
        Some(registry) => {
            let host = registry.as_text().filter(|text| is_settled(text))?;
            let text = format!("{}/{name}", host.trim_end_matches('/')).into();
            Some(Place { node: registry, text, tag, whose, is_container: false })
        }
    }
}

/// Whether nothing fills the text in before it is used.
pub(super) fn is_settled(text: &str) -> bool {
    !text.is_empty() && !["{{", "${", "$("].iter().any(|open| text.contains(open)) && !text.starts_with('$')
}

impl Place<'_> {
    /// Where the registry and the path are written, which may be elsewhere than the tag.
    pub(super) fn name_span(&self) -> Span {
        let steps = self.node.history.changes();
        let name = |node: &Node| node.as_text().map(|text| Name::of(text).full.clone());
        // The last step that gave the image another name; none after it did.
        let mut after = Some(Name::of(&self.text).full);
        for step in steps.iter().rev().filter(|step| step.action == Action::ImageSet) {
            let before = step.before.as_ref().and_then(name);
            if before != after {
                return step.by;
            }
            after = before;
        }
        self.node.span
    }

    /// Writes the new place into the text, where the same path is to be found there.
    pub(super) fn move_to(&self, row: &Row, repository: &Repository, finding: &mut Finding) {
        let name = Name::of(&self.text);
        let Some(moved) = row.moved(&name.full) else { return };
        let written = self.node.as_text().unwrap_or_default();
        // Only a reference that stands in one piece, with its registry.
        if written != self.text || name.written_registry == 0 || !written.starts_with(name.full.as_str()) {
            return;
        }
        if let Some(span) = repository.files.part(self.node, 0..name.full.len()) {
            finding.fix(format!("write `{moved}`"), vec![Edit { span, text: moved }]);
        }
    }
}
