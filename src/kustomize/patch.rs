//! `patches`, `patchesStrategicMerge` and `patchesJson6902`: read, aimed, applied.

use std::sync::Arc;

use super::accumulate::{Accumulator, Engine};
use super::id::{ResId, text_of};
use super::json_patch::{self, Effect, Note, Operation};
use super::kustomization::Kustomization;
use super::merge::Merge;
use super::patch_match::{aim, no_object, no_target, place_of_target, refused};
use super::problem::{Problem, ProblemKind};
use super::resource::Resource;
use super::scalar;
use super::selector::Selector;
use super::{merge_keys, patch_loss, read};
use crate::source::Span;
use crate::yaml::{Key, Mapping, Node, Stream, Value};

/// A patch that has been read.
pub(super) enum Patch {
    /// Parts of objects.
    Merge(Vec<Node>),
    /// Operations.
    Json(Vec<Operation>),
    /// Nothing but comments.
    Empty,
}

/// What a strategic merge patch may do.
#[derive(Clone, Copy, Default)]
pub(super) struct Allowed {
    name_change: bool,
    kind_change: bool,
}

/// The text of a patch and its parsed form.
struct Source {
    stream: Arc<Stream>,
    text: String,
    /// Stands for the patch as a whole.
    span: Span,
    /// How kustomize's messages name it.
    name: String,
}

impl Engine<'_> {
    pub(super) fn patch_strategic_merge(&mut self, kustomization: &Kustomization, gathered: &mut Accumulator) {
        let entries = kustomization.list("patchesStrategicMerge").to_vec();
        for entry in &entries {
            self.strategic_merge(kustomization, gathered, entry);
        }
        if !entries.is_empty() {
            self.ran(kustomization, gathered, "PatchStrategicMergeTransformer");
        }
    }

    /// One entry of `patchesStrategicMerge`: inline YAML, else a path.
    pub(super) fn strategic_merge(&mut self, kustomization: &Kustomization, gathered: &mut Accumulator, entry: &Node) {
        let text = text_of(Some(entry));
        let inline = self.files.embedded(entry);
        let (objects, span) = match read::resources(&inline, text, entry.span) {
            Ok(objects) => (objects, entry.span),
            Err(_) => {
                let file = match self.load(kustomization, text, entry.span) {
                    Ok(file) => file,
                    Err(problem) => return self.report(*problem),
                };
                let stream = self.files.stream(file.id);
                match read::resources(&stream, file.text().unwrap_or_default(), Span::start_of(file.id)) {
                    Ok(objects) => (objects, entry.span),
                    Err(unusable) => return self.report(unusable.problem().related(entry.span, "named here")),
                }
            }
        };
        if objects.is_empty() {
            return self.report(Problem::fails(span, format!("patch appears to be empty; files=[{text}], Patch=")));
        }
        for object in objects {
            let id = ResId::of(&object);
            match gathered.resources.with_any_id(&id.key()).to_vec().as_slice() {
                [at] => {
                    self.applied.insert(aim(&object));
                    let at = *at;
                    let mut object = object;
                    text_metadata(&mut object);
                    gathered.resources.change(at, |resource| self.merge_into(resource, &object, Allowed::default()));
                    gathered.resources.drop_empty();
                }
                [] => {
                    let words = format!("no matches for Id {id}; failed to find unique target for patch {id}");
                    let problem = no_object(gathered, &object, entry.span, words);
                    self.report_unless_incomplete(gathered, problem);
                }
                _ => {
                    let words = format!("multiple matches for Id {id}; failed to find unique target for patch {id}");
                    self.report(Problem::fails(aim(&object), words));
                }
            }
        }
    }

    pub(super) fn patches(&mut self, kustomization: &Kustomization, gathered: &mut Accumulator) {
        for entry in kustomization.list("patches").to_vec() {
            self.patch(kustomization, gathered, &entry, self.options.release.passes_over_empty_patches());
            self.ran(kustomization, gathered, "PatchTransformer");
        }
    }

    /// One entry of `patches`, or the like. `may_be_empty`: a patch that holds nothing is passed over.
    pub(super) fn patch(
        &mut self,
        kustomization: &Kustomization,
        gathered: &mut Accumulator,
        entry: &Node,
        may_be_empty: bool,
    ) {
        let source = match self.source(kustomization, entry, "patch") {
            Ok(source) => source,
            Err(problem) => return self.report(*problem),
        };
        let patch = match read_patch(&source) {
            Ok(patch) => patch,
            Err(problem) => return self.report(*problem),
        };
        let target = entry.get("target");
        match patch {
            Patch::Empty if may_be_empty => {
                let message =
                    "the patch holds nothing, so it changes nothing; kustomize before 5.7 refuses to build with it";
                self.problems.push(Problem::new(ProblemKind::PatchNoEffect, source.span, message));
            }
            Patch::Empty => {
                let words = format!("illegally qualifies as both an SM and JSON patch: {}", source.name);
                let message = "the patch holds nothing, and kustomize before 5.7 refuses to build with it";
                self.report(Problem::new(ProblemKind::BuildFails, source.span, message).upstream(words));
            }
            Patch::Json(operations) => {
                let Some(target) = target else {
                    let words = format!("must specify a target for JSON patch {}", source.name);
                    let message = "a JSON patch needs a `target`; kustomize can't know which object it is for";
                    return self.report(Problem::new(ProblemKind::BuildFails, entry.span, message).upstream(words));
                };
                self.json_patch(gathered, &operations, target, true);
            }
            Patch::Merge(objects) => {
                let option = |name: &str| entry.at(&["options", name]).and_then(Node::as_bool) == Some(true);
                let allowed =
                    Allowed { name_change: option("allowNameChange"), kind_change: option("allowKindChange") };
                match target {
                    Some(target) => self.merge_to_target(gathered, &objects, target, allowed, &source.name),
                    None => {
                        for object in &objects {
                            self.merge_by_id(gathered, object, allowed, entry.span);
                        }
                    }
                }
            }
        }
    }

    /// The text of an entry: inline under `field`, or in the file at `path`.
    fn source(&mut self, kustomization: &Kustomization, entry: &Node, field: &str) -> Result<Source, Box<Problem>> {
        let inline = entry.get(field).filter(|node| !text_of(Some(node)).trim().is_empty());
        let path = entry.get("path").filter(|node| !text_of(Some(node)).is_empty());
        let fails = |words: String, message: &str| {
            Err(Box::new(Problem::new(ProblemKind::BuildFails, entry.span, message).upstream(words)))
        };
        match (inline, path) {
            (None, None) => {
                fails("must specify one of patch and path in".to_owned(), "the entry has neither `patch` nor `path`")
            }
            (Some(_), Some(_)) => fails(
                "patch and path can't be set at the same time".to_owned(),
                "the entry has both `patch` and `path`; kustomize takes only one",
            ),
            (Some(node), None) => {
                let text = text_of(Some(node)).trim().to_owned();
                let name = format!("[patch: {text:?}]");
                Ok(Source { stream: Arc::new(self.files.embedded(node)), text, span: node.span, name })
            }
            (None, Some(node)) => {
                let path = text_of(Some(node));
                let file = self.load(kustomization, path, node.span).map_err(|mut problem| {
                    let words = problem.upstream.take();
                    problem.upstream =
                        words.map(|words| format!("failed to get the patch file from path({path}): {words}"));
                    problem
                })?;
                let text = file.text().unwrap_or_default().to_owned();
                Ok(Source {
                    stream: self.files.stream(file.id),
                    text,
                    span: node.span,
                    name: format!("[path: {path:?}]"),
                })
            }
        }
    }

    fn merge_to_target(
        &mut self,
        gathered: &mut Accumulator,
        objects: &[Node],
        target: &Node,
        allowed: Allowed,
        name: &str,
    ) {
        let Some(object) = objects.first() else { return };
        if objects.len() > 1 {
            let words = format!(
                "Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set `patches.target` field: {name}"
            );
            let message = "a patch with a `target` may hold one document only, and this one holds several";
            return self.report(Problem::new(ProblemKind::BuildFails, target.span, message).upstream(words));
        }
        let Some(selected) = self.select(gathered, target) else { return };
        let mut patch = object.clone();
        text_metadata(&mut patch);
        for at in selected {
            // With a target, the version of the patch does not count.
            let version =
                gathered.resources.list().get(at).and_then(|resource| resource.root.get("apiVersion")).cloned();
            if let Some(mapping) = patch.as_mapping_mut() {
                put(mapping, "apiVersion", version.as_ref());
            }
            gathered.resources.change(at, |resource| self.merge_into(resource, &patch, allowed));
        }
        gathered.resources.drop_empty();
    }

    fn merge_by_id(&mut self, gathered: &mut Accumulator, object: &Node, allowed: Allowed, entry: Span) {
        let id = ResId::of(object);
        match gathered.resources.with_any_id(&id.key()).to_vec().as_slice() {
            [at] => {
                self.applied.insert(aim(object));
                let at = *at;
                gathered.resources.change(at, |resource| self.merge_into(resource, object, allowed));
            }
            [] => {
                let words = format!(
                    "no resource matches strategic merge patch \"{id}\": no matches for Id {id}; failed to find unique target for patch {id}"
                );
                let problem = no_object(gathered, object, entry, words);
                self.report_unless_incomplete(gathered, problem);
            }
            _ => {
                let words = format!(
                    "no resource matches strategic merge patch \"{id}\": multiple matches for Id {id}; failed to find unique target for patch {id}"
                );
                self.report(Problem::fails(aim(object), words));
            }
        }
    }

    /// Applies a strategic merge patch to one resource.
    fn merge_into(&mut self, resource: &mut Resource, patch: &Node, allowed: Allowed) {
        if allowed.name_change || allowed.kind_change {
            resource.remember_id();
        }
        let before = resource.root.clone();
        let mut merge = Merge::new(&self.schemas, self.files);
        let merged = merge.merge(Some(before.clone()), Some(patch.clone()), merge_keys::Schema::Unknown, "");
        let Merge { appended, lost, idle, .. } = merge;
        match merged {
            Err(mismatch) => {
                let message = format!("the patch does not fit {}: {}", describe(resource), first_line(&mismatch.why));
                let problem = if mismatch.unsupported {
                    Problem::new(ProblemKind::NotBuilt, mismatch.span, mismatch.why)
                } else {
                    Problem::new(ProblemKind::BuildFails, mismatch.span, message).upstream(mismatch.why)
                };
                self.report(problem.related(resource.span(), "the object"));
            }
            Ok(merged) => {
                resource.root = merged.unwrap_or_else(|| Node::mapping(Mapping::default(), patch.span));
                if resource.is_empty() {
                    return;
                }
                restore(resource, &before, allowed);
                if takes_annotations(patch) {
                    resource.forget();
                }
                resource.spread_labels();
                let unchanged = resource.root.same_value(&before);
                let description = describe(resource);
                for (list, element) in appended {
                    if let Some(problem) = super::patch_append::appended(&list, &element, resource, &before) {
                        self.problems.push(problem);
                    }
                }
                self.problems.extend(lost.iter().map(|lost| patch_loss::element(lost, patch, resource)));
                self.problems.extend(patch_loss::directives(&idle, patch, resource));
                if !unchanged {
                    self.effective.insert(aim(patch));
                } else {
                    let message = format!("the patch changes nothing in {description}: everything in it is already so");
                    self.problems.push(Problem::new(ProblemKind::PatchNoEffect, aim(patch), message));
                }
            }
        }
    }

    pub(super) fn patches_json6902(&mut self, kustomization: &Kustomization, gathered: &mut Accumulator) {
        for entry in kustomization.list("patchesJson6902").to_vec() {
            self.patch_json6902(kustomization, gathered, &entry, "patch");
            self.ran(kustomization, gathered, "PatchJson6902Transformer");
        }
    }

    /// One entry of `patchesJson6902`.
    pub(super) fn patch_json6902(
        &mut self,
        kustomization: &Kustomization,
        gathered: &mut Accumulator,
        entry: &Node,
        field: &str,
    ) {
        let target = entry.get("target").filter(|target| !text_of(target.get("name")).is_empty());
        let Some(target) = target else {
            return self.report(Problem::fails(entry.span, "must specify the target name"));
        };
        let source = match self.source(kustomization, entry, field) {
            Ok(source) => source,
            Err(problem) => return self.report(*problem),
        };
        match json_operations(&source) {
            Some(operations) if !operations.is_empty() => self.json_patch(gathered, &operations, target, false),
            Some(_) => {
                let file = text_of(entry.get("path"));
                let words = format!("patch appears to be empty; file={file}, JsonOp={}", source.text);
                self.report(Problem::fails(source.span, words));
            }
            None => {
                let words = format!("decoding {}: patch appears to be empty or is no list of operations", source.text);
                self.report(Problem::fails(source.span, words));
            }
        }
    }

    fn json_patch(&mut self, gathered: &mut Accumulator, operations: &[Operation], target: &Node, remember: bool) {
        let Some(selected) = self.select(gathered, target) else { return };
        for at in selected {
            gathered.resources.change(at, |resource| self.apply_operations(resource, operations, remember));
        }
    }

    /// Applies a JSON patch to one resource.
    fn apply_operations(&mut self, resource: &mut Resource, operations: &[Operation], remember: bool) {
        if remember {
            resource.remember_id();
        }
        let before = resource.root.clone();
        let mut root = before.clone();
        if resource.has_books() {
            with_annotations(&mut root);
        }
        let mut notes: Vec<(&Operation, Note)> = Vec::new();
        let mut failure =
            scalar::canonical(&mut root).err().map(|unprintable| Problem::fails(unprintable.span, unprintable.why));
        for operation in operations {
            if failure.is_some() {
                break;
            }
            match json_patch::apply(&mut root, operation, &mut |note| notes.push((operation, note))) {
                Err(why) => failure = Some(refused(operation, why, resource)),
                Ok(Effect::Changed) => {
                    self.effective.insert(operation.path_span);
                }
                Ok(Effect::Same) => {
                    let message = format!("this operation changes nothing in {}: it is already so", describe(resource));
                    self.problems.push(Problem::new(ProblemKind::PatchNoEffect, operation.path_span, message));
                }
                Ok(Effect::Tested) => {}
            }
        }
        if let Some(problem) = failure {
            // The object stays as it was, so that other rules still see it.
            return self.report(problem.related(resource.span(), "the object"));
        }
        scalar::through_floats(&mut root);
        without_blank_annotations(&mut root);
        resource.root = root;
        resource.text_annotations();
        resource.shared.clear();
        if operations.iter().any(Operation::replaces_annotations) {
            resource.origin = None;
            resource.transformations.clear();
        }
        let tests_names =
            operations.iter().any(|operation| operation.name == "test" && operation.path.ends_with("/name"));
        for (operation, note) in notes {
            let problem = match note {
                Note::Created => super::patch_match::created(operation, &before, resource),
                Note::ByIndex(_) if tests_names => continue,
                Note::ByIndex(name) => super::patch_match::by_index(operation, &name, resource),
            };
            self.problems.push(problem);
        }
    }

    /// Indexes of the resources that a `target` selects; `None` if it can't be read. A target that selects nothing is
    /// reported.
    fn select(&mut self, gathered: &Accumulator, target: &Node) -> Option<Vec<usize>> {
        let selector = match Selector::new(target) {
            Ok(selector) => selector,
            Err(words) => {
                self.report(Problem::fails(target.span, words));
                return None;
            }
        };
        let selected = selector.select(&gathered.resources);
        if selected.is_empty() {
            self.report_unless_incomplete(gathered, no_target(gathered, target));
        } else {
            self.applied.insert(place_of_target(target));
        }
        Some(selected)
    }

    /// What a patch is for may be among the objects that could not be had.
    fn report_unless_incomplete(&mut self, gathered: &Accumulator, problem: Problem) {
        if !gathered.incomplete {
            self.report(problem);
        }
    }
}

fn read_patch(source: &Source) -> Result<Patch, Box<Problem>> {
    let objects = read::resources(&source.stream, &source.text, source.span);
    let operations = json_operations(source);
    match (objects, operations) {
        (Ok(objects), None) if objects.is_empty() => Ok(Patch::Empty),
        (_, Some(operations)) if operations.is_empty() => Ok(Patch::Empty),
        (Ok(objects), None) => Ok(Patch::Merge(objects)),
        (Err(_), Some(operations)) => Ok(Patch::Json(operations)),
        (Ok(_), Some(_)) => {
            let words = format!("illegally qualifies as both an SM and JSON patch: {}", source.name);
            Err(Box::new(Problem::fails(source.span, words)))
        }
        (Err(unusable), None) => {
            let words = format!("unable to parse SM or JSON patch from {}", source.name);
            if is_loose_json(source) {
                let message = "a patch that begins with `[` is read as JSON, and this is YAML";
                let help = "put double quotes around all keys and texts, or write each operation on a line of its own that \
                            begins with `- op:`";
                return Err(Box::new(
                    Problem::new(ProblemKind::BuildFails, unusable.span, message).upstream(words).help(help),
                ));
            }
            let message = format!("this is neither a strategic merge patch nor a JSON patch: {}", unusable.message);
            let mut problem = Problem::new(ProblemKind::BuildFails, unusable.span, message).upstream(words);
            if unusable.span != source.span {
                problem.related.push((source.span, "the patch is named here".to_owned()));
            }
            Err(Box::new(problem))
        }
    }
}

/// The operations, if the text is a JSON patch. One that starts with a bracket must be strict JSON.
fn json_operations(source: &Source) -> Option<Vec<Operation>> {
    let text = source.text.as_str();
    if text.is_empty() || source.stream.problems.iter().any(|problem| problem.kind.loses_content()) {
        return None;
    }
    if text.starts_with('[') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return None;
    }
    json_patch::operations(source.stream.documents.first()?.root.as_ref()?)
}

/// Whether the text would be a list of operations if only kustomize read it as YAML.
fn is_loose_json(source: &Source) -> bool {
    let is_whole = !source.stream.problems.iter().any(|problem| problem.kind.loses_content());
    let root = source.stream.documents.first().and_then(|document| document.root.as_ref());
    let is_list = root.and_then(json_patch::operations).is_some_and(|operations| !operations.is_empty());
    is_whole && is_list && source.text.starts_with('[')
}

/// Puts back what a strategic merge patch never changes.
fn restore(resource: &mut Resource, before: &Node, allowed: Allowed) {
    let span = before.span;
    let Some(root) = resource.root.as_mapping_mut() else { return };
    if !allowed.kind_change
        && let Some(kind) = before.get("kind")
    {
        put(root, "kind", Some(kind));
    }
    let Some(metadata) = super::resource::map_at(root, "metadata", span) else { return };
    if !allowed.name_change {
        put(metadata, "name", before.at(&["metadata", "name"]));
    }
    put(metadata, "namespace", before.at(&["metadata", "namespace"]).filter(|node| !text_of(Some(node)).is_empty()));
}

fn put(mapping: &mut Mapping, key: &str, value: Option<&Node>) {
    match value {
        None => mapping.retain(|entry| entry.key.text != key),
        Some(value) => match mapping.get_mut(key) {
            Some(place) => *place = value.clone(),
            None => {
                mapping.insert(Key::new(key, value.span), value.clone());
            }
        },
    }
}

/// Makes the place where kustomize keeps its books, so that `/metadata/annotations` is found though none are written.
pub(super) fn with_annotations(root: &mut Node) {
    let missing = |annotations: Option<&Node>| annotations.is_none_or(Node::is_null);
    let Some(metadata) = root.get("metadata").filter(|metadata| missing(metadata.get("annotations"))) else { return };
    let by = metadata.span;
    let metadata = root.as_mapping_mut().and_then(|root| root.get_mut("metadata"));
    if let Some(metadata) = metadata.and_then(Node::as_mapping_mut) {
        metadata.insert(Key::new("annotations", by), Node::mapping(Mapping::default(), by));
    }
}

/// Takes that place away again if nothing was put there.
pub(super) fn without_blank_annotations(root: &mut Node) {
    let blank = |node: &Node| node.as_mapping().is_none_or(Mapping::is_empty);
    if root.at(&["metadata", "annotations"]).is_some_and(blank)
        && let Some(metadata) = root.as_mapping_mut().and_then(|root| root.get_mut("metadata"))
        && let Some(metadata) = metadata.as_mapping_mut()
    {
        metadata.retain(|entry| entry.key.text != "annotations");
    }
}

/// Whether a strategic merge patch takes all annotations away, and with them the books that kustomize keeps there.
fn takes_annotations(patch: &Node) -> bool {
    let mut node = patch;
    for next in ["metadata", "annotations", ""] {
        let directive = node.get("$patch").and_then(Node::value_text);
        if node.is_null() || matches!(directive, Some("delete" | "replace")) {
            return true;
        }
        let Some(below) = node.get(next) else { return false };
        node = below;
    }
    false
}

/// Where kustomize looks the object up by a target or in `patchesStrategicMerge`, it turns the labels and annotations of
/// the patch into texts before it merges; a null map is none at all.
fn text_metadata(patch: &mut Node) {
    for field in ["labels", "annotations"] {
        let is_text = |node: &Node| scalar::kind(node) == Some(scalar::Kind::String);
        let Some(map) = patch.at(&["metadata", field]) else { continue };
        if map.is_null() {
            if let Some(metadata) = patch.as_mapping_mut().and_then(|patch| patch.get_mut("metadata"))
                && let Some(metadata) = metadata.as_mapping_mut()
            {
                metadata.retain(|entry| entry.key.text != field);
            }
            continue;
        }
        if map.entries().iter().all(|entry| is_text(&entry.value)) {
            continue;
        }
        let metadata = patch.as_mapping_mut().and_then(|patch| patch.get_mut("metadata"));
        let map = metadata.and_then(Node::as_mapping_mut).and_then(|metadata| metadata.get_mut(field));
        for value in map.and_then(Node::as_mapping_mut).into_iter().flat_map(Mapping::values_mut) {
            if !is_text(value) && matches!(value.value, Value::Scalar(_)) {
                *value = Node::string(value.value_text().unwrap_or_default().to_owned(), value.span);
            }
        }
    }
}

/// `Deployment shop/web`, for messages.
pub(super) fn describe(resource: &Resource) -> String {
    let id = resource.id();
    let namespace = if id.namespace.is_empty() { String::new() } else { format!("{}/", id.namespace) };
    format!("{} {namespace}{}", id.gvk.kind, id.name)
}

pub(super) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_end_matches(": node contents:")
}
