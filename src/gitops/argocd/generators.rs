//! The generators of an ApplicationSet: lists, git directories and git files of this repository, and what `matrix` and
//! `merge` make of them. A generator that needs a cluster or another repository gives one open set of parameters, which
//! stands for however many there are.

use std::collections::BTreeSet;

use foldhash::{HashMap, HashMapExt};

use super::application_set::git_generators;
use super::directory::PathGlob;
use super::parameters::{Language, Parameters, find, normalize};
use crate::files::Files;
use crate::gitops::inventory::Inventory;
use crate::helm::merge_values;
use crate::source::{RepoPath, Span};
use crate::unresolved::{Cause, Unresolved};
use crate::yaml::{Entry, Key, Mapping, Node, Value};

/// More sets of parameters than this of one ApplicationSet are cut off, with a note.
pub(super) const MAX_SETS: usize = 5_000;

/// How deep generators may nest: Argo CD allows a matrix or merge within one, and no further.
const MAX_DEPTH: usize = 2;

/// The parameters of one Application.
#[derive(Clone)]
pub(super) struct ParameterSet {
    /// What is known.
    pub(super) root: Node,
    /// Whether there are other parameters, and other such sets.
    pub(super) open: bool,
    /// What of it is not known, and why.
    pub(super) notes: Vec<Unresolved>,
}

impl ParameterSet {
    fn known(root: Node) -> Self {
        Self { root, open: false, notes: Vec::new() }
    }

    fn with(&self, other: &Self, root: Node) -> Self {
        let notes = self.notes.iter().chain(&other.notes).cloned().collect::<BTreeSet<_>>();
        Self { root, open: self.open || other.open, notes: notes.into_iter().collect() }
    }
}

/// Looks generators up in the repository.
pub(super) struct Search<'a> {
    pub(super) language: Language,
    pub(super) inventory: &'a Inventory,
    pub(super) files: &'a Files,
}

/// The files that git generators read: what they hold decides what is deployed, and what is not.
pub fn generator_files(inventory: &Inventory, files: &Files) -> BTreeSet<RepoPath> {
    let mut all: Vec<RepoPath> = files.sources.files().iter().map(|file| file.path.clone()).collect();
    all.sort();
    let search = Search { language: Language::Fast, inventory, files };
    let mut found = BTreeSet::new();
    for set in inventory.declarations.iter().filter(|object| object.id.kind == "ApplicationSet") {
        git_generators(&set.root, &mut |generator| {
            let patterns = generator.get("files").map(Node::items).unwrap_or_default();
            let is_own = generator.str_at(&["repoURL"]).is_some_and(|url| inventory.own.is_own(url));
            if is_own {
                let chosen = search.chosen(patterns, &all, &PathGlob::crossing, &mut Vec::new());
                found.extend(chosen.into_iter().cloned());
            }
        });
    }
    found
}

/// The part of a generator that says what it is.
fn block(generator: &Node) -> Option<&Entry> {
    generator.entries().iter().find(|entry| !matches!(entry.key.text.as_str(), "selector" | "template"))
}

/// The template that a generator lays over that of the set.
pub(super) fn template(generator: &Node) -> Option<&Node> {
    block(generator)?.value.get("template").filter(|template| !template.is_null())
}

impl Search<'_> {
    /// The parameters of one generator. What is wrong with it goes into `notes`.
    pub(super) fn generate(&self, generator: &Node, notes: &mut Vec<Unresolved>) -> Vec<ParameterSet> {
        self.nested(generator, 0, notes)
    }

    fn nested(&self, generator: &Node, depth: usize, notes: &mut Vec<Unresolved>) -> Vec<ParameterSet> {
        let Some(entry) = block(generator) else { return Vec::new() };
        let (span, content) = (entry.key.span, &entry.value);
        let mut sets = match entry.key.text.as_str() {
            "list" => self.list(content, notes),
            "git" => self.git(content, span, notes),
            "matrix" | "merge" if depth >= MAX_DEPTH => {
                let reason = "Argo CD nests generators two deep, and no further";
                notes.push(Unresolved::at(span, Cause::Invalid, reason));
                Vec::new()
            }
            "matrix" => self.matrix(content, span, depth, notes),
            "merge" => self.merge(content, span, depth, notes),
            other => {
                let reason = format!("what the {other} generator gives is only known to the cluster");
                vec![self.open(span, reason)]
            }
        };
        if let Some(values) = content.get("values") {
            for set in &mut sets {
                let parameters = Parameters::new(&set.root, set.open, self.language);
                let values = parameters.apply(values, self.files, notes);
                set_key(&mut set.root, "values", values);
            }
        }
        if let Some(selector) = generator.get("selector") {
            sets.retain(|set| selected(selector, set));
        }
        if sets.len() > MAX_SETS {
            let reason =
                format!("{} sets of parameters come of this; presync looks at the first {MAX_SETS}", sets.len());
            notes.push(Unresolved::at(span, Cause::Unsupported, reason));
            sets.truncate(MAX_SETS);
        }
        sets
    }

    /// What stands for sets that nobody can count offline.
    fn open(&self, span: Span, reason: String) -> ParameterSet {
        let notes = vec![Unresolved::at(span, Cause::Elsewhere, reason)];
        ParameterSet { root: Node::mapping(Mapping::default(), span), open: true, notes }
    }

    fn list(&self, block: &Node, notes: &mut Vec<Unresolved>) -> Vec<ParameterSet> {
        let mut elements: Vec<Node> = block.get("elements").map(Node::items).unwrap_or_default().to_vec();
        if self.language == Language::Fast {
            let flat = elements.iter().flat_map(Node::entries).flat_map(|entry| match entry.key.text.as_str() {
                "values" => entry.value.entries(),
                _ => std::slice::from_ref(entry),
            });
            let wrong = flat.filter(|entry| entry.value.as_str().is_none() && !entry.value.is_unknown());
            notes.extend(wrong.take(1).map(|entry| {
                let reason =
                    format!("without `goTemplate` the parameter `{}` of a list must be a text", entry.key.text);
                Unresolved::at(entry.value.span, Cause::Invalid, reason)
            }));
        }
        if let Some(text) = block.get("elementsYaml").filter(|text| !text.is_null()) {
            let stream = self.files.embedded(text);
            let root = stream.documents.into_iter().next().and_then(|document| document.root);
            match root.as_ref().and_then(Node::as_sequence).filter(|_| !text.is_unknown()) {
                Some(items) => elements.extend_from_slice(items),
                None => return vec![self.open(text.span, "the elements are only known to the cluster".to_owned())],
            }
        }
        elements.into_iter().map(ParameterSet::known).collect()
    }

    /// The sets of a generator inside another; an open one, and a note, where it is none.
    fn matrix(&self, block: &Node, span: Span, depth: usize, notes: &mut Vec<Unresolved>) -> Vec<ParameterSet> {
        let generators = block.get("generators").map(Node::items).unwrap_or_default();
        let [first, second] = generators else {
            let reason = format!("a matrix has two generators; this one has {}", generators.len());
            notes.push(Unresolved::at(span, Cause::Invalid, reason));
            return Vec::new();
        };
        let mut sets = Vec::new();
        for outer in self.nested(first, depth + 1, notes) {
            // The second generator may use the parameters of the first.
            let parameters = Parameters::new(&outer.root, outer.open, self.language);
            let generator = parameters.apply(second, self.files, &mut Vec::new());
            for inner in self.nested(&generator, depth + 1, notes) {
                let root = match self.language {
                    // What the first gives stays.
                    Language::Go(_) => filled(&inner.root, &outer.root),
                    Language::Fast => {
                        if let Some((name, place)) = conflict(&outer.root, &inner.root, "") {
                            let reason = format!("both generators of the matrix give `{name}`, with different values");
                            notes.push(Unresolved::at(place, Cause::Invalid, reason));
                            return Vec::new();
                        }
                        merge_values(&outer.root, &inner.root)
                    }
                };
                sets.push(outer.with(&inner, root));
                if sets.len() > MAX_SETS {
                    return sets;
                }
            }
        }
        sets
    }

    fn merge(&self, block: &Node, span: Span, depth: usize, notes: &mut Vec<Unresolved>) -> Vec<ParameterSet> {
        let generators = block.get("generators").map(Node::items).unwrap_or_default();
        let keys: Vec<&str> =
            block.get("mergeKeys").map(Node::items).unwrap_or_default().iter().filter_map(Node::as_text).collect();
        let [base, others @ ..] = generators else {
            notes.push(Unresolved::at(span, Cause::Invalid, "a merge has two or more generators; this one has none"));
            return Vec::new();
        };
        let problem = match (others.is_empty(), keys.is_empty()) {
            (true, _) => Some("a merge has two or more generators; this one has one"),
            (_, true) => Some("a merge needs `mergeKeys` to know which parameters belong together"),
            _ => None,
        };
        if let Some(reason) = problem {
            notes.push(Unresolved::at(span, Cause::Invalid, reason));
            return Vec::new();
        }
        let key_of = |set: &ParameterSet| -> Vec<Option<String>> {
            keys.iter().map(|key| find(&set.root, key).and_then(Node::as_text).map(str::to_owned)).collect()
        };
        let mut sets = self.nested(base, depth + 1, notes);
        for other in others {
            let mut by_key: HashMap<Vec<Option<String>>, usize> = HashMap::new();
            for (at, set) in sets.iter().enumerate().filter(|(_, set)| !set.open) {
                by_key.insert(key_of(set), at);
            }
            let stands_for_more = sets.iter().find(|set| set.open).cloned();
            let mut seen = BTreeSet::new();
            for over in self.nested(other, depth + 1, notes) {
                let key = key_of(&over);
                if over.open {
                    // It may change any of them, in whatever way.
                    for set in &mut sets {
                        *set = set.with(&over, set.root.clone());
                    }
                    continue;
                }
                if !seen.insert(key.clone()) {
                    let names = keys.join("`, `");
                    let reason =
                        format!("two sets of parameters have the same `{names}`, and a merge needs them unique");
                    notes.push(Unresolved::at(over.root.span, Cause::Invalid, reason));
                    return Vec::new();
                }
                let root = |below: &ParameterSet| match self.language {
                    Language::Go(_) => filled(&below.root, &over.root),
                    Language::Fast => merge_values(&below.root, &over.root),
                };
                match (by_key.get(&key).and_then(|at| sets.get_mut(*at)), &stands_for_more) {
                    (Some(below), _) => *below = below.with(&over, root(below)),
                    // It belongs to one of those that are not known here.
                    (None, Some(below)) => sets.push(below.with(&over, root(below))),
                    (None, None) => {}
                }
            }
        }
        sets
    }

    fn git(&self, block: &Node, span: Span, notes: &mut Vec<Unresolved>) -> Vec<ParameterSet> {
        let url = block.get("repoURL").and_then(Node::as_text).unwrap_or_default();
        if !self.inventory.own.is_own(url) {
            return vec![self.open(span, format!("the git generator looks into another repository, {url}"))];
        }
        let prefix = block.get("pathParamPrefix").and_then(Node::as_text).filter(|prefix| !prefix.is_empty());
        let patterns = |key| block.get(key).map(Node::items).unwrap_or_default();
        let mut sets = Vec::new();
        let directories = patterns("directories");
        if !directories.is_empty() {
            // `path.Match` knows no `**`: it is one star, which stays within a part of the path.
            let glob = |pattern: &str| PathGlob::new(&pattern.replace("**", "*"));
            for directory in self.chosen(directories, self.inventory.directories(), &glob, notes) {
                sets.push(ParameterSet::known(wrap(path_parameters(directory, None, span), prefix, span)));
            }
            return sets;
        }
        let mut all: Vec<RepoPath> = self.files.sources.files().iter().map(|file| file.path.clone()).collect();
        all.sort();
        for path in self.chosen(patterns("files"), &all, &PathGlob::crossing, notes) {
            let Some(file) = self.files.file_at(path) else { continue };
            let stream = self.files.stream(file.id);
            let directory = path.parent().unwrap_or_default();
            let place = wrap(path_parameters(&directory, Some(path.file_name()), span), prefix, span);
            let Some(root) = stream.documents.first().and_then(|document| document.root.as_ref()) else {
                sets.push(ParameterSet::known(place));
                continue;
            };
            let contents = root.as_sequence().unwrap_or(std::slice::from_ref(root));
            for content in contents.iter().filter(|content| content.as_mapping().is_some()) {
                sets.push(ParameterSet::known(with_keys(content, &place)));
            }
        }
        sets
    }

    /// The paths that the patterns choose, sorted; an `exclude` always wins. `paths` must be sorted. In place of what is
    /// not known of a pattern stands anything.
    fn chosen<'p>(
        &self,
        patterns: &[Node],
        paths: &'p [RepoPath],
        read: &dyn Fn(&str) -> Option<PathGlob>,
        notes: &mut Vec<Unresolved>,
    ) -> Vec<&'p RepoPath> {
        let mut chosen = BTreeSet::new();
        let mut excluded = Vec::new();
        for entry in patterns {
            let Some(path) = entry.get("path") else { continue };
            let Some(text) = path.value_text() else { continue };
            let pattern = starred(text);
            let Some(glob) = read(pattern.trim_matches('/')) else {
                let reason = format!("`{text}` is no pattern; it matches nothing");
                notes.push(Unresolved::at(path.span, Cause::Invalid, reason));
                continue;
            };
            if entry.get("exclude").and_then(Node::as_bool).unwrap_or(false) {
                excluded.push(glob);
            } else {
                chosen.extend(glob.among(paths));
            }
        }
        chosen.into_iter().filter(|path| !excluded.iter().any(|glob| glob.matches(path))).collect()
    }
}

/// A text with a star in place of each placeholder that has no value.
fn starred(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, (_, after))) =
        rest.split_once("{{").and_then(|(before, inside)| Some((before, inside.split_once("}}")?)))
    {
        out.push_str(before);
        out.push('*');
        rest = after;
    }
    out + rest
}

/// The parameters that a directory, or a file in it, gives.
fn path_parameters(directory: &RepoPath, file: Option<&str>, span: Span) -> Node {
    let text = |text: &str| Node::string(text, span);
    let entry = |key: &str, value: Node| Entry { key: Key::new(key, span), value };
    let path = if directory.as_str().is_empty() { "." } else { directory.as_str() };
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut entries = vec![
        entry("path", text(path)),
        entry("basename", text(name)),
        entry("basenameNormalized", text(&normalize(name))),
        entry("segments", Node::sequence(path.split('/').map(text).collect(), span)),
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

/// A map with the keys of another one in place of its own.
fn with_keys(node: &Node, keys: &Node) -> Node {
    let mut node = node.clone();
    for entry in keys.entries() {
        set_key(&mut node, &entry.key.text, entry.value.clone());
    }
    node
}

/// `over` upon `base`, as Go's `mergo` merges: what is empty never takes the place of something.
pub(super) fn filled(base: &Node, over: &Node) -> Node {
    let (Some(_), Some(above)) = (base.as_mapping(), over.as_mapping()) else {
        let is_empty = match &over.value {
            Value::Scalar(text) => {
                text.is_empty() || over.is_null() || over.as_bool() == Some(false) || over.as_i64() == Some(0)
            }
            Value::Sequence(items) => items.is_empty(),
            Value::Mapping(mapping) => mapping.is_empty(),
        };
        return if is_empty { base.clone() } else { over.clone() };
    };
    let mut merged = base.clone();
    if let Some(mapping) = merged.as_mapping_mut() {
        for entry in above.iter() {
            let value = base.get(&entry.key.text).map_or_else(|| entry.value.clone(), |own| filled(own, &entry.value));
            mapping.insert(entry.key.clone(), value);
        }
    }
    merged
}

/// The first name for which two sets have different texts.
fn conflict(a: &Node, b: &Node, above: &str) -> Option<(String, Span)> {
    b.entries().iter().find_map(|entry| {
        let own = a.get(&entry.key.text)?;
        let name = if above.is_empty() { entry.key.text.to_string() } else { format!("{above}.{}", entry.key.text) };
        match (own.as_text(), entry.value.as_text()) {
            (Some(own), Some(other)) => (own != other).then_some((name, entry.value.span)),
            _ => conflict(own, &entry.value, &name),
        }
    })
}

/// Whether a label selector over the parameters holds, or may hold.
fn selected(selector: &Node, set: &ParameterSet) -> bool {
    let value = |key: &str| find(&set.root, key).and_then(Node::as_text);
    let is_unknown =
        |key: &str| value(key).is_none() && (set.open || find(&set.root, key).is_some_and(Node::is_unknown));
    let labels = selector.get("matchLabels").map(Node::entries).unwrap_or_default();
    let expressions = selector.get("matchExpressions").map(Node::items).unwrap_or_default();
    labels.iter().all(|label| is_unknown(&label.key.text) || value(&label.key.text) == label.value.as_text())
        && expressions.iter().all(|expression| {
            let key = expression.get("key").and_then(Node::as_text).unwrap_or_default();
            let found = value(key);
            let listed = || {
                let values = expression.get("values").map(Node::items).unwrap_or_default();
                values.iter().any(|allowed| found.is_some() && allowed.as_text() == found)
            };
            match expression.str_at(&["operator"]) {
                _ if is_unknown(key) => true,
                Some("In") => listed(),
                Some("NotIn") => !listed(),
                Some("Exists") => found.is_some(),
                Some("DoesNotExist") => found.is_none(),
                _ => true,
            }
        })
}
