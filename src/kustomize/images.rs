//! `images` and `replicas`.

use regex::Regex;

use super::accumulate::{Accumulator, Engine};
use super::field_spec::{FieldSpec, Leaf, visit};
use super::id::text_of;
use super::kustomization::Kustomization;
use super::problem::{Problem, ProblemKind};
use super::resource::Resource;
use crate::finding::Severity;
use crate::source::Span;
use crate::yaml::{Action, Node, Tag, Value};

impl Engine<'_> {
    pub(super) fn images(&mut self, kustomization: &Kustomization, gathered: &mut Accumulator) {
        for field in ["images", "imageTags"] {
            for entry in kustomization.list(field) {
                let volumes = self.options.release.knows_image_volumes();
                let known = |spec: &&FieldSpec| volumes || !spec.path.ends_with("volumes[]/image/reference");
                let specs: Vec<FieldSpec> = gathered.fields.images.iter().filter(known).cloned().collect();
                self.set_image(gathered, entry, &specs);
                self.ran(kustomization, gathered, "ImageTagTransformer");
            }
        }
    }

    pub(super) fn set_image(&mut self, gathered: &mut Accumulator, entry: &Node, specs: &[FieldSpec]) {
        let name = text_of(entry.get("name"));
        let tail = "(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?$";
        let Ok(pattern) = Regex::new(&super::selector::as_go_reads(&format!("^{name}{tail}"))) else {
            // Kustomize up to 5.8 ends in a panic here, later ones match nothing.
            let message = format!(
                "the name of an image is a regular expression to kustomize, and `{name}` is none, so nothing is changed"
            );
            let span = entry.get("name").map_or(entry.span, |name| name.span);
            return self.report(Problem::new(ProblemKind::TransformerNoMatch, span, message));
        };
        let mut found = false;
        for resource in gathered.resources.list_mut() {
            let gvk = resource.gvk();
            if gvk.kind == "CustomResourceDefinition" {
                continue;
            }
            let mut set = |node: &mut Node| {
                let Some(text) = node.value_text() else {
                    return Err("wrong node kind: expected ScalarNode".to_owned());
                };
                found |= pattern.is_match(text);
                retag(node, entry, &pattern);
                Ok(())
            };
            let mut result = in_containers(&mut resource.root, &pattern, &mut set);
            for spec in specs.iter().filter(|spec| gvk.is_selected_by(&spec.gvk)) {
                result = result.and_then(|()| visit(&mut resource.root, spec, None, entry.span, &mut set));
            }
            if let Err(words) = result {
                self.report(Problem::fails(entry.span, words));
            }
        }
        if found {
            self.applied.insert(entry.get("name").map_or(entry.span, |name| name.span));
        } else if !gathered.incomplete {
            self.problems.push(no_image(gathered, entry));
        }
    }

    pub(super) fn replicas(&mut self, kustomization: &Kustomization, gathered: &mut Accumulator) {
        for entry in kustomization.list("replicas") {
            let specs = gathered.fields.replicas.clone();
            self.set_replicas(gathered, entry, &specs);
            self.ran(kustomization, gathered, "ReplicaCountTransformer");
        }
    }

    pub(super) fn set_replicas(&mut self, gathered: &mut Accumulator, entry: &Node, specs: &[FieldSpec]) {
        let name = text_of(entry.get("name"));
        let count = entry.get("count").and_then(Node::as_i64).unwrap_or(0);
        let by = entry.get("count").map_or(entry.span, |count| count.span);
        let mut found = false;
        let mut names: Vec<String> = Vec::new();
        for resource in gathered.resources.list_mut() {
            let gvk = resource.gvk();
            for spec in specs {
                if !resource.ids().any(|id| id.name == name && id.gvk.is_selected_by(&spec.gvk)) {
                    continue;
                }
                found = true;
                if !gvk.is_selected_by(&spec.gvk) {
                    continue;
                }
                let written = visit(&mut resource.root, spec, Some(Leaf::Scalar), by, &mut |node| {
                    let before = node.value_text().is_some_and(|text| !text.is_empty()).then(|| node.clone());
                    let history = node.history.clone();
                    *node = Node { history, tag: Tag::None, ..Node::plain(count.to_string(), by) };
                    node.changed(Action::ReplicasSet, by, before);
                    Ok(())
                });
                if let Err(words) = written {
                    self.problems.push(Problem::fails(by, words));
                }
            }
            if specs.iter().any(|spec| gvk.is_selected_by(&spec.gvk)) {
                names.push(resource.original_id().name.to_string());
            }
        }
        if !found {
            let kinds: Vec<String> = specs.iter().map(|spec| spec.gvk.to_string()).collect();
            let words = format!(
                "resource with name {name} does not match a config with the following GVK [{}]",
                kinds.join(" ")
            );
            let span = entry.get("name").map_or(entry.span, |name| name.span);
            if gathered.incomplete {
                return;
            }
            let message = match name {
                "" => "the name of this entry is no text: without quotes `y`, `on` and numbers are none, and the build fails"
                    .to_owned(),
                name => format!("nothing that has replicas is called `{name}` here, so the build fails"),
            };
            let mut problem = Problem::new(ProblemKind::TransformerNoMatch, span, message).upstream(words);
            problem.severity = Some(Severity::Error);
            problem.help = match name {
                "" => Some("put quotes around the name".to_owned()),
                name => super::nearest(name, names.iter().map(String::as_str))
                    .map(|nearest| format!("did you mean `{nearest}`?")),
            };
            self.report(problem);
        }
    }
}

/// An entry of `images` that no image has the name of.
fn no_image(gathered: &Accumulator, entry: &Node) -> Problem {
    let name = text_of(entry.get("name"));
    let span = entry.get("name").map_or(entry.span, |name| name.span);
    let message =
        format!("no container here has an image called `{name}`, so kustomize changes nothing and says nothing");
    let problem = Problem::new(ProblemKind::TransformerNoMatch, span, message);
    let mut images: Vec<(String, &Node, &Resource)> = Vec::new();
    for resource in gathered.resources.list() {
        collect_images(&resource.root, &mut |image| {
            images.push((split(image.value_text().unwrap_or_default()).0, image, resource));
        });
    }
    let short = |image: &str| image.rsplit('/').next().unwrap_or_default().to_owned();
    let known = || images.iter().map(|(name, ..)| name.as_str());
    let same_end = known().find(|known| short(known) == short(name) && *known != name).map(str::to_owned);
    let near = same_end.or_else(|| super::nearest(name, known()).map(str::to_owned));
    // What has the name all the same stands where kustomize does not look: in a custom resource.
    if let Some((_, image, resource)) = images.iter().find(|(known, ..)| known == name) {
        return problem
            .related(image.span, "kustomize does not look here")
            .help(format!("tell kustomize under `configurations` where {} has its images", resource.gvk().kind));
    }
    match near.and_then(|near| images.iter().find(|(known, ..)| *known == near)) {
        Some((near, image, _)) => {
            problem.related(image.span, "an image with a name like it").help(format!("did you mean `{near}`?"))
        }
        None => problem.help("write the name as the manifest has it, with its registry and without its tag"),
    }
}

/// Every text called `image`, wherever it stands.
fn collect_images<'a>(node: &'a Node, found: &mut impl FnMut(&'a Node)) {
    match &node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => items.iter().for_each(|item| collect_images(item, found)),
        Value::Mapping(mapping) => {
            for entry in mapping.iter() {
                if entry.key.text == "image" && entry.value.value_text().is_some_and(|text| !text.is_empty()) {
                    found(&entry.value);
                }
                collect_images(&entry.value, found);
            }
        }
    }
}

/// Every `image` in a list called `containers` or `initContainers`, wherever it stands.
fn in_containers(
    node: &mut Node,
    pattern: &Regex,
    set: &mut dyn FnMut(&mut Node) -> Result<(), String>,
) -> Result<(), String> {
    if !has_image(node, pattern, false) {
        return Ok(());
    }
    if let Some(items) = node.as_sequence_mut() {
        return items.iter_mut().try_for_each(|item| in_containers(item, pattern, set));
    }
    let names: Vec<_> = node.entries().iter().map(|entry| entry.key.text.clone()).collect();
    let Some(mapping) = node.as_mapping_mut() else { return Ok(()) };
    for name in names {
        let Some(value) = mapping.get_mut(&name) else { continue };
        in_containers(value, pattern, set)?;
        if matches!(name.as_str(), "containers" | "initContainers") && has_image(value, pattern, true) {
            for item in value.as_sequence_mut().into_iter().flatten() {
                if let Some(image) = item.as_mapping_mut().and_then(|item| item.get_mut("image"))
                    && !image.is_null()
                {
                    set(image)?;
                }
            }
        }
    }
    Ok(())
}

/// Whether the walk would change anything, so that what it would not stays shared.
fn has_image(node: &Node, pattern: &Regex, container_list: bool) -> bool {
    let fits = |item: &Node| {
        item.get("image").is_some_and(|image| image.value_text().is_none_or(|text| pattern.is_match(text)))
    };
    match &node.value {
        Value::Scalar(_) => false,
        Value::Sequence(items) => {
            container_list && items.iter().any(fits) || items.iter().any(|item| has_image(item, pattern, false))
        }
        Value::Mapping(mapping) => mapping.iter().any(|entry| {
            let list = matches!(entry.key.text.as_str(), "containers" | "initContainers");
            has_image(&entry.value, pattern, list)
        }),
    }
}

fn retag(node: &mut Node, entry: &Node, pattern: &Regex) {
    let Some(old) = node.value_text().filter(|text| pattern.is_match(text)) else { return };
    let (name, mut tag, mut digest) = split(old);
    let field = |field: &str| text_of(entry.get(field)).to_owned();
    let (new_name, new_tag, new_digest, suffix) =
        (field("newName"), field("newTag"), field("digest"), field("tagSuffix"));
    let name = if new_name.is_empty() { name } else { new_name };
    let mut by: Option<Span> = entry.get("newName").map(|name| name.span);
    let mut from = |field: &str| by = entry.get(field).map(|node| node.span).or(by);
    match (new_tag.is_empty(), new_digest.is_empty()) {
        (false, false) => {
            from("digest");
            (tag, digest) = (new_tag, new_digest);
        }
        (false, true) => {
            from("newTag");
            (tag, digest) = (new_tag, String::new());
        }
        (true, false) => {
            from("digest");
            (tag, digest) = (String::new(), new_digest);
        }
        (true, true) if !suffix.is_empty() => {
            from("tagSuffix");
            tag.push_str(&suffix);
            digest.clear();
        }
        (true, true) => {}
    }
    let mut image = name;
    for (separator, part) in [(':', &tag), ('@', &digest)] {
        if !part.is_empty() {
            image.push(separator);
            image.push_str(part);
        }
    }
    if image == old {
        node.tag = Tag::None;
        return;
    }
    let by = by.unwrap_or(entry.span);
    let mut before = node.clone();
    // Two fields, two steps: whoever asks for the name's line is not led to the tag's.
    if let Some(renamed) =
        entry.get("newName").filter(|renamed| renamed.span != by && !text_of(Some(renamed)).is_empty())
    {
        let rest = old.get(split(old).0.len()..).unwrap_or_default();
        let step = format!("{}{rest}", text_of(Some(renamed)));
        let first = Node { value: Value::Scalar(step.into()), span: renamed.span, ..before.clone() };
        node.changed(Action::ImageSet, renamed.span, Some(before));
        before = first;
    }
    node.value = Value::Scalar(image.into());
    node.tag = Tag::None;
    node.span = by;
    node.changed(Action::ImageSet, by, Some(before));
}

/// Name, tag and digest of an image.
fn split(image: &str) -> (String, String, String) {
    let from = image.find('/').filter(|at| *at > 0).unwrap_or(0);
    let rest = image.get(from..).unwrap_or_default();
    let at = rest.find('@').map(|at| at + from);
    let colon = rest.find(':').map(|colon| colon + from).filter(|colon| at.is_none_or(|at| *colon < at));
    let end = colon.or(at).unwrap_or(image.len());
    let part =
        |from: Option<usize>, to: usize| from.and_then(|from| image.get(from + 1..to)).unwrap_or_default().to_owned();
    (image.get(..end).unwrap_or_default().to_owned(), part(colon, at.unwrap_or(image.len())), part(at, image.len()))
}
