//! ApplicationSets whose generators can be followed without a cluster: lists, git directories and git files of this
//! repository, and matrices of them. Any other generator gives one app with its unknown parts marked as such.

use super::application;
use super::directory::PathGlob;
use super::parameters::{Parameters, normalize};
use crate::files::Files;
use crate::gitops::inventory::Inventory;
use crate::gitops::{App, Declared};
use crate::helm::merge_values;
use crate::kubernetes::Object;
use crate::source::{RepoPath, Span};
use crate::unresolved::{Cause, Unresolved};
use crate::yaml::{Entry, Key, Mapping, Node};

/// More Applications than this from one set are cut off, with a note.
const MAX_APPLICATIONS: usize = 5_000;

/// How deep matrices may nest. Argo CD allows two levels.
const MAX_DEPTH: usize = 4;

/// The parameters that the generators give, and what could not be followed.
struct Generated {
    sets: Vec<Node>,
    unresolved: Vec<Unresolved>,
}

/// The Applications of one set.
pub(in crate::gitops) fn application_set(object: &Object, inventory: &Inventory, files: &Files) -> Vec<App> {
    let spec = object.root.get("spec");
    let go = spec.and_then(|spec| spec.get("goTemplate")).and_then(Node::as_bool).unwrap_or(false);
    let mut generated = Generated { sets: Vec::new(), unresolved: Vec::new() };
    for generator in spec.and_then(|spec| spec.get("generators")).map(Node::items).unwrap_or_default() {
        let search = Search { go, inventory, files };
        generated.sets.extend(search.generate(generator, 0, &mut generated.unresolved));
    }
    let total = generated.sets.len();
    generated.sets.truncate(MAX_APPLICATIONS);
    if total > MAX_APPLICATIONS {
        let reason = format!("{total} Applications come of this set; presync looks at the first {MAX_APPLICATIONS}");
        generated.unresolved.push(Unresolved::at(object.name_span(), Cause::Unsupported, reason));
    }
    let template = spec.and_then(|spec| spec.get("template"));
    let patch = spec.and_then(|spec| spec.get("templatePatch")).filter(|patch| !patch.is_null());
    let Some(template) = template.map(|template| with_values_parsed(template, files)) else { return Vec::new() };
    let mut apps = Vec::new();
    for set in &generated.sets {
        let parameters = Parameters { root: set, go };
        let mut root = parameters.apply(&template);
        let mut unresolved = Vec::new();
        if let Some(patch) = patch {
            match patched(&root, patch, &parameters, files) {
                Some(patched) => root = patched,
                None if decides_what_is_deployed(patch) => {
                    let reason = "the templatePatch has control flow, which presync does not evaluate yet";
                    unresolved.push(Unresolved::at(patch.span, Cause::Unsupported, reason));
                }
                None => {}
            }
        }
        let mut app = application(&named(object, root), inventory, files);
        if !unresolved.is_empty() && app.sources.is_empty() {
            // The patch is where the sources are.
            app.unresolved.clear();
        }
        app.unresolved.append(&mut unresolved);
        app.application = app.application.map(|application| application.made_with(set));
        apps.push(app);
    }
    // What could not be followed belongs to the set as a whole; an app that stands for it keeps it visible.
    if !generated.unresolved.is_empty() || generated.sets.is_empty() {
        if generated.unresolved.is_empty() {
            let reason = "the generators give no Application";
            generated.unresolved.push(Unresolved::at(object.name_span(), Cause::Missing, reason));
        }
        let root = Parameters { root: &Node::mapping(Mapping::default(), object.root.span), go }.apply(&template);
        let mut app = application(&named(object, root), inventory, files);
        app.name = format!("{} (ApplicationSet)", object.id.name);
        app.declared = Declared::ArgoApplication(object.name_span());
        // That a placeholder has no value follows from what was said already.
        app.unresolved.retain(|unresolved| unresolved.cause != Cause::Template);
        generated.unresolved.append(&mut app.unresolved);
        app.unresolved = generated.unresolved;
        apps.push(app);
    }
    apps
}

/// Calls `each` for every git generator, nested ones included.
pub(super) fn git_generators(root: &Node, each: &mut dyn FnMut(&Node)) {
    fn walk(generators: &[Node], depth: usize, each: &mut dyn FnMut(&Node)) {
        for generator in generators {
            if let Some(git) = generator.get("git") {
                each(git);
            }
            for key in ["matrix", "merge"] {
                let nested = generator.at(&[key, "generators"]).map(Node::items).unwrap_or_default();
                if depth < MAX_DEPTH {
                    walk(nested, depth + 1, each);
                }
            }
        }
    }
    walk(root.at(&["spec", "generators"]).map(Node::items).unwrap_or_default(), 0, each);
}

/// The template as an Application.
fn named(set: &Object, mut root: Node) -> Object {
    let span = set.root.span;
    if let Some(mapping) = root.as_mapping_mut() {
        mapping.insert(Key::new("apiVersion", span), Node::string("argoproj.io/v1alpha1", span));
        mapping.insert(Key::new("kind", span), Node::string("Application", span));
    }
    let mut id = set.id.clone();
    id.kind = "Application".into();
    id.name = root
        .at(&["metadata", "name"])
        .map_or("", |name| match &name.value {
            crate::yaml::Value::Scalar(text) => text,
            _ => "",
        })
        .into();
    Object { id, root }
}

/// Values in a block scalar are parsed before the placeholders are replaced, so that each keeps its own place.
fn with_values_parsed(template: &Node, files: &Files) -> Node {
    let mut template = template.clone();
    let parse = |source: &mut Node| {
        let Some(block) = source.as_mapping_mut().and_then(|source| source.get_mut("helm")) else { return };
        let Some(values) = block.as_mapping_mut().and_then(|block| block.get_mut("values")) else { return };
        let stream = files.embedded(values);
        let root = stream.documents.first().and_then(|document| document.root.clone());
        if let Some(root) = root.filter(|root| stream.problems.is_empty() && root.as_mapping().is_some()) {
            *values = root;
        }
    };
    let spec = template.as_mapping_mut().and_then(|template| template.get_mut("spec")).and_then(Node::as_mapping_mut);
    if let Some(spec) = spec {
        spec.get_mut("source").into_iter().for_each(parse);
        spec.get_mut("sources").and_then(Node::as_sequence_mut).into_iter().flatten().for_each(parse);
    }
    template
}

fn patched(root: &Node, patch: &Node, parameters: &Parameters<'_>, files: &Files) -> Option<Node> {
    let stream = files.embedded(patch);
    let parsed = stream.documents.first().and_then(|document| document.root.as_ref())?;
    stream.problems.is_empty().then(|| merge_values(root, &parameters.apply(parsed)))
}

/// Whether a patch may change the sources or the destination. One that only adds, say, `ignoreDifferences` leaves what is
/// deployed as it is.
fn decides_what_is_deployed(patch: &Node) -> bool {
    let fields = ["source", "destination", "project"];
    patch.is_unknown() || patch.as_str().is_some_and(|text| fields.iter().any(|field| text.contains(field)))
}

struct Search<'a> {
    go: bool,
    inventory: &'a Inventory,
    files: &'a Files,
}

impl Search<'_> {
    /// The parameter sets of one generator.
    fn generate(&self, generator: &Node, depth: usize, unresolved: &mut Vec<Unresolved>) -> Vec<Node> {
        let Some(entry) =
            generator.entries().iter().find(|entry| !matches!(entry.key.text.as_str(), "selector" | "template"))
        else {
            return Vec::new();
        };
        let block = &entry.value;
        let mut sets = match entry.key.text.as_str() {
            "list" => block.get("elements").map(Node::items).unwrap_or_default().to_vec(),
            "git" => self.git(block, entry.key.span, unresolved),
            "matrix" if depth < MAX_DEPTH => self.matrix(block, depth, unresolved),
            other => {
                let reason = format!("what the {other} generator gives is only known to the cluster");
                unresolved.push(Unresolved::at(entry.key.span, Cause::Elsewhere, reason));
                return Vec::new();
            }
        };
        if let Some(values) = block.get("values") {
            for set in &mut sets {
                let values = Parameters { root: set, go: self.go }.apply(values);
                set_key(set, "values", values);
            }
        }
        if let Some(selector) = generator.get("selector") {
            sets.retain(|set| selected(selector, set));
        }
        sets
    }

    fn matrix(&self, block: &Node, depth: usize, unresolved: &mut Vec<Unresolved>) -> Vec<Node> {
        let [first, second] = block.get("generators").map(Node::items).unwrap_or_default() else { return Vec::new() };
        let mut sets = Vec::new();
        for outer in self.generate(first, depth + 1, unresolved) {
            // The second generator may use the parameters of the first.
            let generator = Parameters { root: &outer, go: self.go }.apply(second);
            for inner in self.generate(&generator, depth + 1, unresolved) {
                sets.push(merge_values(&outer, &inner));
                if sets.len() > MAX_APPLICATIONS {
                    return sets;
                }
            }
        }
        sets
    }

    fn git(&self, block: &Node, span: Span, unresolved: &mut Vec<Unresolved>) -> Vec<Node> {
        let url = block.get("repoURL").and_then(Node::as_text).unwrap_or_default();
        if !self.inventory.own.is_own(url) {
            let reason = format!("the git generator looks into another repository, {url}");
            unresolved.push(Unresolved::at(span, Cause::Elsewhere, reason));
            return Vec::new();
        }
        let prefix = block.get("pathParamPrefix").and_then(Node::as_text);
        let patterns = |key| block.get(key).map(Node::items).unwrap_or_default();
        let paths = patterns("directories");
        let mut sets = Vec::new();
        if !paths.is_empty() {
            for directory in self.chosen(paths, self.inventory.directories()) {
                sets.push(wrap(path_parameters(directory, None, span), prefix, span));
            }
        }
        let files = patterns("files");
        if !files.is_empty() {
            let all: Vec<RepoPath> = self.files.sources.files().iter().map(|file| file.path.clone()).collect();
            for path in self.chosen(files, &all) {
                let Some(file) = self.files.file_at(path) else { continue };
                let stream = self.files.stream(file.id);
                let directory = path.parent().unwrap_or_default();
                for root in stream.documents.iter().filter_map(|document| document.root.as_ref()) {
                    let contents = root.as_sequence().unwrap_or(std::slice::from_ref(root));
                    for content in contents.iter().filter(|content| content.as_mapping().is_some()) {
                        let place = wrap(path_parameters(&directory, Some(path.file_name()), span), prefix, span);
                        sets.push(merge_values(content, &place));
                    }
                }
            }
        }
        sets
    }

    /// The paths that the patterns choose, sorted; an `exclude` always wins. `paths` must be sorted.
    fn chosen<'p>(&self, patterns: &[Node], paths: &'p [RepoPath]) -> Vec<&'p RepoPath> {
        let mut chosen = std::collections::BTreeSet::new();
        let mut excluded = Vec::new();
        for entry in patterns {
            let Some(pattern) = entry.get("path").and_then(Node::as_text).map(|path| path.trim_matches('/')) else {
                continue;
            };
            let Some(glob) = PathGlob::new(pattern) else { continue };
            if entry.get("exclude").and_then(Node::as_bool).unwrap_or(false) {
                excluded.push(glob);
            } else {
                chosen.extend(glob.among(paths));
            }
        }
        chosen.into_iter().filter(|path| !excluded.iter().any(|glob| glob.matches(path))).collect()
    }
}

/// The parameters that a directory, or a file in it, gives.
fn path_parameters(directory: &RepoPath, file: Option<&str>, span: Span) -> Node {
    let text = |text: &str| Node::string(text, span);
    let entry = |key: &str, value: Node| Entry { key: Key::new(key, span), value };
    let segments = directory.as_str().split('/').map(text).collect();
    let mut entries = vec![
        entry("path", text(directory.as_str())),
        entry("basename", text(directory.file_name())),
        entry("basenameNormalized", text(&normalize(directory.file_name()))),
        entry("segments", Node::sequence(segments, span)),
    ];
    if let Some(file) = file {
        entries.push(entry("filename", text(file)));
        entries.push(entry("filenameNormalized", text(&normalize(file))));
    }
    let path = Node::mapping(Mapping::from_iter(entries), span);
    Node::mapping(Mapping::from_iter([entry("path", path)]), span)
}

fn wrap(node: Node, prefix: Option<&str>, span: Span) -> Node {
    match prefix {
        Some(prefix) => Node::mapping(Mapping::from_iter([Entry { key: Key::new(prefix, span), value: node }]), span),
        None => node,
    }
}

fn set_key(node: &mut Node, key: &str, value: Node) {
    let span = value.span;
    if let Some(mapping) = node.as_mapping_mut() {
        mapping.insert(Key::new(key, span), value);
    }
}

/// Whether a label selector over the parameters holds.
fn selected(selector: &Node, set: &Node) -> bool {
    let value = |key: &str| set.at(&key.split('.').collect::<Vec<_>>()).and_then(Node::as_text);
    let labels = selector.get("matchLabels").map(Node::entries).unwrap_or_default();
    let expressions = selector.get("matchExpressions").map(Node::items).unwrap_or_default();
    labels.iter().all(|label| value(&label.key.text) == label.value.as_text())
        && expressions.iter().all(|expression| {
            let found = expression.get("key").and_then(Node::as_text).and_then(value);
            let listed = || {
                let values = expression.get("values").map(Node::items).unwrap_or_default();
                values.iter().any(|allowed| found.is_some() && allowed.as_text() == found)
            };
            match expression.str_at(&["operator"]) {
                Some("In") => listed(),
                Some("NotIn") => !listed(),
                Some("Exists") => found.is_some(),
                Some("DoesNotExist") => found.is_none(),
                _ => true,
            }
        })
}
