//! ApplicationSets: one Application for each set of parameters that the generators give.
//!
//! Where parameters are not known, the paths of this repository say which Applications there may be: `clusters/{{name}}`
//! stands for every directory in `clusters`. What comes of that is marked as not resolved.

use std::collections::BTreeSet;

use compact_str::CompactString;
use regex::Regex;

use super::application;
use super::generators::{self, MAX_SETS, ParameterSet, Search, filled};
use super::parameters::{Language, NO_VALUE, Parameters};
use crate::files::Files;
use crate::gitops::inventory::Inventory;
use crate::gitops::{App, Declared};
use crate::helm::coalesce;
use crate::is_yaml;
use crate::kubernetes::{Object, ObjectId};
use crate::source::{Entry, RepoPath};
use crate::unresolved::{Cause, Unresolved};
use crate::yaml::{Key, Mapping, Node, Value};

/// How deep generators are looked into.
const MAX_DEPTH: usize = 4;

/// The Applications of one set.
pub(in crate::gitops) fn application_set(object: &Object, inventory: &Inventory, files: &Files) -> Vec<App> {
    let spec = object.root.get("spec");
    let Some(template) = spec.and_then(|spec| spec.get("template")) else { return Vec::new() };
    let search = Search { language: Language::of(spec), inventory, files };
    let maker = Maker { object, patch: spec.and_then(|spec| spec.get("templatePatch")), search };
    let mut notes = Vec::new();
    let mut apps = Vec::new();
    for generator in spec.and_then(|spec| spec.get("generators")).map(Node::items).unwrap_or_default() {
        let own = generators::template(generator).map(|own| filled(template, own));
        let template = own.as_ref().unwrap_or(template);
        for set in maker.search.generate(generator, &mut notes) {
            let guessed = if set.open { maker.guessed(&set, template) } else { Vec::new() };
            let sets = if guessed.is_empty() { vec![set] } else { guessed };
            apps.extend(sets.iter().map(|set| maker.app(set, template)));
        }
    }
    let total = apps.len();
    if total > MAX_SETS {
        let reason = format!("{total} Applications come of this set; presync looks at the first {MAX_SETS}");
        notes.push(Unresolved::at(object.name_span(), Cause::Unsupported, reason));
        apps.truncate(MAX_SETS);
    }
    if apps.is_empty() && notes.is_empty() {
        notes.push(Unresolved::at(object.name_span(), Cause::Missing, "the generators give no Application"));
    }
    // What belongs to no Application belongs to the set as a whole; an app that stands for it keeps it visible.
    if !notes.is_empty() {
        let nothing = ParameterSet { root: Node::mapping(Mapping::default(), object.root.span), open: true, notes };
        let mut app = maker.app(&nothing, template);
        app.name = format!("{} (ApplicationSet)", object.id.name);
        app.declared = Declared::ArgoApplication(object.name_span());
        apps.push(app);
    }
    apps
}

/// Makes the Applications of one set.
struct Maker<'a> {
    object: &'a Object,
    patch: Option<&'a Node>,
    search: Search<'a>,
}

impl Maker<'_> {
    fn app(&self, set: &ParameterSet, template: &Node) -> App {
        let Search { language, inventory, files } = self.search;
        let parameters = Parameters::new(&set.root, set.open, language);
        let mut problems = Vec::new();
        let mut root = self.rendered(&parameters, template, &mut problems);
        let mut unresolved = Vec::new();
        if let Some(patch) = self.patch.filter(|patch| !patch.is_null()) {
            match parameters.document(patch, files, &mut problems) {
                Some(patch) => {
                    root = patched(&root, &patch, |source| self.parse_values(source, &parameters, &mut problems))
                }
                None if decides_what_is_deployed(patch) => {
                    let reason = "what the templatePatch makes of this is only known to Argo CD";
                    unresolved.push(Unresolved::at(patch.span, Cause::Template, reason));
                }
                None => {}
            }
        }
        let mut app = application(&named(self.object, root), inventory, files);
        if app.name.contains("{{") {
            app.name = format!("{} (ApplicationSet {})", app.name, self.object.id.name);
        }
        if !unresolved.is_empty() && app.sources.is_empty() {
            // The patch is where the sources are.
            app.unresolved.clear();
        }
        if set.open {
            // That a placeholder has no value follows from what is said of the generator.
            app.unresolved.retain(|unresolved| unresolved.cause != Cause::Template);
        }
        unresolved.extend(set.notes.iter().cloned());
        unresolved.append(&mut app.unresolved);
        let mut seen = BTreeSet::new();
        problems.retain(|problem| seen.insert(problem.clone()));
        unresolved.extend(problems.iter().map(|problem| Unresolved {
            reason: match problem.reason.as_str() {
                NO_VALUE => "the generators give no such parameter".to_owned(),
                reason => format!("the Go template fails: {reason}"),
            },
            ..problem.clone()
        }));
        app.unresolved = unresolved;
        app.application = app.application.map(|application| application.made_with(problems));
        app
    }

    fn rendered(&self, parameters: &Parameters<'_>, template: &Node, problems: &mut Vec<Unresolved>) -> Node {
        let mut template = template.clone();
        each_source(&mut template, &mut |source| self.parse_values(source, parameters, problems));
        parameters.apply(&template, self.search.files, problems)
    }

    /// Makes a map of the values in a block scalar, so that each keeps its own place.
    fn parse_values(&self, source: &mut Node, parameters: &Parameters<'_>, problems: &mut Vec<Unresolved>) {
        let Some(block) = source.as_mapping_mut().and_then(|source| source.get_mut("helm")) else { return };
        let Some(values) = block.as_mapping_mut().and_then(|block| block.get_mut("values")) else { return };
        let is_template = values.value_text().is_some_and(|text| text.contains("{{"));
        let root = is_template.then(|| parameters.document(values, self.search.files, problems)).flatten();
        if let Some(root) = root.filter(|root| root.as_mapping().is_some()) {
            *values = root;
        }
    }

    /// What the directories of this repository say of an open set: one set for each that the path of a source fits.
    fn guessed(&self, set: &ParameterSet, template: &Node) -> Vec<ParameterSet> {
        let Search { language, inventory, files } = self.search;
        let parameters = Parameters::new(&set.root, true, language);
        let root = parameters.apply(template, files, &mut Vec::new());
        let sources = root.get("spec").map(super::sources).unwrap_or_default();
        let own = |source: &&&Node| source.str_at(&["repoURL"]).is_some_and(|url| inventory.own.is_own(url));
        let paths = sources.iter().filter(own).filter_map(|source| source.get("path")).filter(|path| path.is_unknown());
        let Some(pattern) = paths.filter_map(Node::value_text).find_map(PathPattern::read) else { return Vec::new() };
        let has_files = |directory: &RepoPath| {
            let children = files.sources.children(directory);
            children.iter().any(|child| is_yaml(child) && matches!(files.sources.entry(child), Some(Entry::File(_))))
        };
        let found = inventory.directories().iter().filter(|directory| has_files(directory));
        let found = found.filter_map(|directory| pattern.parameters(directory.as_str()));
        let set_for = |names: Vec<(Vec<CompactString>, String)>| {
            let mut guessed = set.clone();
            for (path, text) in names {
                insert(&mut guessed.root, &path, &text);
            }
            guessed
        };
        found.take(MAX_SETS).map(set_for).collect()
    }
}

/// A path with placeholders, as a pattern that says what they stand for.
struct PathPattern {
    regex: Regex,
    /// The parameter that each group stands for, as keys from the root on.
    names: Vec<Vec<CompactString>>,
}

impl PathPattern {
    /// Reads `clusters/{{name}}/apps` or `clusters/{{ .name }}/apps`. `None` if it says too little: every directory of the
    /// repository would fit a pattern without a fixed start.
    fn read(path: &str) -> Option<Self> {
        let path = path.trim_matches('/');
        let (mut regex, mut names, mut rest) = (String::from("^"), Vec::new(), path);
        while let Some((before, inside)) = rest.split_once("{{") {
            let (name, after) = inside.split_once("}}")?;
            let name = name.trim_matches(['-', ' ']);
            let keys: Vec<CompactString> = match name.strip_prefix('.') {
                Some(fields) => fields.split('.').map(CompactString::from).collect(),
                None => vec![name.into()],
            };
            if keys.iter().any(|key| !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte)))
            {
                return None;
            }
            regex.push_str(&regex::escape(before));
            regex.push_str("([^/]+)");
            names.push(keys);
            rest = after;
        }
        regex.push_str(&regex::escape(rest));
        regex.push('$');
        let fixed = path.split("{{").next().unwrap_or_default();
        let says_enough = fixed.contains('/') && !names.is_empty();
        Some(Self { regex: Regex::new(&regex).ok().filter(|_| says_enough)?, names })
    }

    /// What the parameters are for a directory; `None` if it does not fit.
    fn parameters(&self, directory: &str) -> Option<Vec<(Vec<CompactString>, String)>> {
        let captures = self.regex.captures(directory)?;
        let mut found: Vec<(Vec<CompactString>, String)> = Vec::new();
        for (name, group) in self.names.iter().zip(captures.iter().skip(1).flatten()) {
            match found.iter().find(|(known, _)| known == name) {
                Some((_, text)) if text != group.as_str() => return None,
                Some(_) => {}
                None => found.push((name.clone(), group.as_str().to_owned())),
            }
        }
        Some(found)
    }
}

/// Sets a text at a path of keys.
fn insert(node: &mut Node, path: &[CompactString], text: &str) {
    let (span, Some((key, rest))) = (node.span, path.split_first()) else { return };
    let Some(mapping) = node.as_mapping_mut() else { return };
    if rest.is_empty() {
        mapping.insert(Key::new(key.clone(), span), Node::string(text, span));
        return;
    }
    if mapping.get(key).and_then(Node::as_mapping).is_none() {
        mapping.insert(Key::new(key.clone(), span), Node::mapping(Mapping::default(), span));
    }
    if let Some(inner) = mapping.get_mut(key) {
        insert(inner, rest, text);
    }
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
    let mut id = ObjectId::clone(&set.id);
    id.kind = "Application".into();
    id.name = root
        .at(&["metadata", "name"])
        .map_or("", |name| match &name.value {
            Value::Scalar(text) => text,
            _ => "",
        })
        .into();
    Object { id: id.into(), root }
}

/// Calls `each` for the sources of a template.
fn each_source(template: &mut Node, each: &mut dyn FnMut(&mut Node)) {
    let spec = template.as_mapping_mut().and_then(|template| template.get_mut("spec")).and_then(Node::as_mapping_mut);
    if let Some(spec) = spec {
        spec.get_mut("source").into_iter().for_each(&mut *each);
        spec.get_mut("sources").and_then(Node::as_sequence_mut).into_iter().flatten().for_each(each);
    }
}

/// The template with a patch laid over it. The project stays: a patch must not lead out of it.
fn patched(root: &Node, patch: &Node, mut each: impl FnMut(&mut Node)) -> Node {
    let mut patch = patch.clone();
    each_source(&mut patch, &mut each);
    let project = root.at(&["spec", "project"]).cloned();
    let mut patched = coalesce(root, &patch);
    let spec = patched.as_mapping_mut().and_then(|root| root.get_mut("spec")).and_then(Node::as_mapping_mut);
    if let (Some(spec), Some(project)) = (spec, project) {
        spec.insert(Key::new("project", project.span), project);
    }
    patched
}

/// Whether a patch may change the sources or the destination. One that only adds, say, `ignoreDifferences` leaves what is
/// deployed as it is.
fn decides_what_is_deployed(patch: &Node) -> bool {
    let fields = ["source", "destination"];
    patch.is_unknown() || patch.as_str().is_some_and(|text| fields.iter().any(|field| text.contains(field)))
}
