//! `configMapGenerator` and `secretGenerator`.

use base64::Engine as _;
use foldhash::{HashSet, HashSetExt};

use super::accumulate::{Accumulator, Engine};
use super::id::text_of;
use super::kustomization::Kustomization;
use super::problem::{Problem, ProblemKind};
use super::resource::{Behavior, Resource};
use crate::finding::Severity;
use crate::source::{FileId, Span};
use crate::yaml::{Action, Entry, Key, Mapping, Node, Style, Value};

/// Base64 is broken into lines of this length.
const BASE64_LINE: usize = 70;

/// One pair for the data of a ConfigMap or Secret.
struct Pair {
    key: String,
    bytes: Vec<u8>,
    span: Span,
}

impl Engine<'_> {
    pub(super) fn generate(&mut self, kustomization: &Kustomization, gathered: &mut Accumulator) {
        let global = kustomization.root.get("generatorOptions");
        for (field, kind) in [("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")] {
            for arguments in kustomization.list(field) {
                match self.generated(kustomization, arguments, global, kind) {
                    Ok(mut resource) => {
                        resource.origin = self.built_origin(kustomization, &format!("{kind}Generator"));
                        self.absorb(gathered, resource, arguments);
                    }
                    Err(problem) => {
                        gathered.incomplete |= problem.kind != ProblemKind::BuildFails;
                        self.report(*problem);
                    }
                }
            }
        }
        for chart in kustomization.list("helmCharts").iter().chain(kustomization.list("helmChartInflationGenerator")) {
            gathered.incomplete = true;
            let name = text_of(chart.get("name"));
            let span = chart.get("name").map_or(chart.span, |name| name.span);
            let message = format!(
                "the chart `{name}` is rendered by Helm, which presync does not do here; its objects are left out, and \
                 patches for them can't be checked"
            );
            self.report(Problem::new(ProblemKind::NotBuilt, span, message));
            if let Some(release) = self.release(kustomization, chart) {
                self.releases.push(release);
            }
        }
        self.run_generators(kustomization, gathered);
    }

    /// A ConfigMap or Secret from a generator's arguments.
    pub(super) fn generated(
        &mut self,
        kustomization: &Kustomization,
        arguments: &Node,
        global: Option<&Node>,
        kind: &str,
    ) -> Result<Resource, Box<Problem>> {
        let by = arguments.span;
        let name = text_of(arguments.get("name"));
        if name.is_empty() {
            let words = "a configmap must have a name";
            return Err(Box::new(
                Problem::new(ProblemKind::BuildFails, by, format!("the generator has no name for its {kind}"))
                    .upstream(words),
            ));
        }
        let pairs = self.pairs(kustomization, arguments, name)?;
        let entry = |key: &str, value: Node| Entry { key: Key::new(key, by), value };
        // Upstream writes keys without quotes, and fails in the end on one that reads as a number.
        let made = |key: &str, span: Span| Key::new(key, span);
        let mut metadata = Mapping::default();
        metadata.push(entry("name", Node::string(name, arguments.get("name").map_or(by, |name| name.span))));
        if let Some(namespace) = arguments.get("namespace").filter(|node| !text_of(Some(node)).is_empty()) {
            metadata.push(entry("namespace", namespace.clone()));
        }
        let options = arguments.get("options");
        for field in ["labels", "annotations"] {
            let mut merged = Mapping::default();
            // The generator's own options win over the global ones.
            for pair in
                [global, options].into_iter().flatten().filter_map(|options| options.get(field)).flat_map(Node::entries)
            {
                merged.insert(
                    made(&pair.key.text, pair.key.span),
                    Node::string(text_of(Some(&pair.value)), pair.value.span),
                );
            }
            if !merged.is_empty() {
                metadata.push(entry(field, Node::mapping(merged, by)));
            }
        }
        let mut root = Mapping::default();
        root.push(entry("apiVersion", Node::string("v1", by)));
        root.push(entry("kind", Node::string(kind, by)));
        root.push(entry("metadata", Node::mapping(metadata, by)));
        let (mut text, mut binary) = (Mapping::default(), Mapping::default());
        for pair in pairs {
            let key = made(pair.key.as_str(), pair.span);
            let mut node = match (String::from_utf8(pair.bytes), kind) {
                (Ok(content), "ConfigMap") => Node::new(Value::Scalar(content.into()), Style::Literal, pair.span),
                (Ok(content), _) => Node::string(base64_lines(content.as_bytes()), pair.span),
                (Err(bytes), _) => Node::string(base64_lines(bytes.as_bytes()), pair.span),
            };
            node.changed(Action::Generated, by, None);
            let to_text = kind == "Secret" || node.style == Style::Literal;
            if to_text { &mut text } else { &mut binary }.push(Entry { key, value: node });
        }
        if kind == "Secret" {
            let secret_type = arguments.get("type").filter(|node| !text_of(Some(node)).is_empty()).cloned();
            root.push(entry("type", secret_type.unwrap_or_else(|| Node::string("Opaque", by))));
        }
        if kind == "Secret" || !text.is_empty() {
            root.push(entry("data", Node::mapping(text, by)));
        }
        if !binary.is_empty() {
            root.push(entry("binaryData", Node::mapping(binary, by)));
        }
        let flag = |field: &str| {
            let set = |options: Option<&Node>| options.and_then(|options| options.get(field)?.as_bool()) == Some(true);
            set(options) || set(global)
        };
        if flag("immutable") {
            root.push(entry("immutable", Node::plain("true", by)));
        }
        let behavior = match text_of(arguments.get("behavior")) {
            "merge" => Behavior::Merge,
            "replace" => Behavior::Replace,
            _ => Behavior::Create,
        };
        let needs_hash = (!flag("disableNameSuffixHash")).then_some(by);
        Ok(Resource { behavior: Some(behavior), needs_hash, ..Resource::new(Node::mapping(root, by)) })
    }

    fn pairs(
        &mut self,
        kustomization: &Kustomization,
        arguments: &Node,
        name: &str,
    ) -> Result<Vec<Pair>, Box<Problem>> {
        let mut pairs: Vec<Pair> = Vec::new();
        // Kustomize stops at the first file that it can't have; a person would rather know all of them.
        let mut missing: Vec<Problem> = Vec::new();
        let list = |field: &str| arguments.get(field).map(Node::items).unwrap_or_default();
        let env = arguments.get("env").filter(|node| !text_of(Some(node)).is_empty());
        for node in list("envs").iter().chain(env) {
            let text = text_of(Some(node));
            match self.load(kustomization, text, node.span) {
                Ok(file) => pairs.extend(env_pairs(file.id, file.bytes().unwrap_or_default())),
                Err(problem) => {
                    missing.push(*prefixed(problem, &format!("loading KV pairs: env source files: [{text}]: ")));
                }
            }
        }
        for node in list("literals") {
            let text = text_of(Some(node));
            let Some((key, value)) = text.split_once('=').filter(|(key, _)| !key.is_empty()) else {
                let words = format!(
                    "loading KV pairs: literal sources [{text}]: invalid literal source {text}, expected key=value"
                );
                let message = format!("`{text}` is no `key=value`");
                return Err(Box::new(Problem::new(ProblemKind::BuildFails, node.span, message).upstream(words)));
            };
            let value = unquoted(value);
            pairs.push(Pair { key: key.to_owned(), bytes: value.as_bytes().to_vec(), span: node.span });
        }
        for node in list("files") {
            let text = text_of(Some(node));
            let (key, path) = match text.split_once('=') {
                None => (text.rsplit('/').next().unwrap_or(text), text),
                Some((key, path)) if !key.is_empty() && !path.is_empty() && !path.contains('=') => (key, path),
                Some((key, path)) => {
                    let why = if path.contains('=') {
                        format!("source {text:?} key name or file path contains '='")
                    } else if key.is_empty() {
                        format!("missing key name for file path {path:?} in source {text:?}")
                    } else {
                        format!("missing file path for key name {key:?} in source {text:?}")
                    };
                    return Err(Box::new(Problem::fails(
                        node.span,
                        format!("loading KV pairs: file sources: [{text}]: {why}"),
                    )));
                }
            };
            let file = match self.load(kustomization, path, node.span) {
                Ok(file) => file,
                Err(problem) => {
                    missing.push(*prefixed(problem, &format!("loading KV pairs: file sources: [{text}]: ")));
                    continue;
                }
            };
            let bytes = file.bytes().unwrap_or_default().to_vec();
            let span = Span::new(file.id, 0, bytes.len());
            pairs.push(Pair { key: key.to_owned(), bytes, span });
        }
        let mut missing = told_together(missing);
        if let Some(last) = missing.pop() {
            missing.into_iter().for_each(|problem| self.report(problem));
            return Err(Box::new(last));
        }
        let mut known = HashSet::new();
        if let Some(twice) = pairs.iter().find(|pair| !known.insert(pair.key.as_str())) {
            let words = format!("configmap {name} illegally repeats the key `{}`", twice.key);
            let message = format!("the key `{}` is given twice", twice.key);
            return Err(Box::new(Problem::new(ProblemKind::BuildFails, twice.span, message).upstream(words)));
        }
        Ok(pairs)
    }

    /// Adds a generated resource, or merges it into the one that is there. `arguments` are the generator's.
    pub(super) fn absorb(&mut self, gathered: &mut Accumulator, mut resource: Resource, arguments: &Node) {
        let by = arguments.span;
        let id = resource.id();
        let places = gathered.resources.with_any_id(&id.key()).to_vec();
        let describe = format!(
            "resid.ResId{{Gvk:resid.Gvk{{Group:\"{}\", Version:\"{}\", Kind:\"{}\", isClusterScoped:false}}, Name:\"{}\", Namespace:\"{}\"}}",
            id.gvk.group, id.gvk.version, id.gvk.kind, id.name, id.namespace
        );
        match (places.as_slice(), resource.behavior.unwrap_or_default()) {
            ([], Behavior::Create) => {
                if gathered.resources.append(resource).is_err() {
                    self.report(Problem::fails(
                        by,
                        format!("may not add resource with an already registered id: {id}"),
                    ));
                }
            }
            ([], _) => {
                if gathered.incomplete {
                    return;
                }
                let words = format!("merging from generator: id {describe} does not exist; cannot merge or replace");
                let message = format!("there is no {} {} to merge with, so the build fails", id.gvk.kind, id.name);
                let mut problem = Problem::new(ProblemKind::TransformerNoMatch, by, message).upstream(words);
                problem.severity = Some(Severity::Error);
                let names = gathered.resources.list().iter().filter(|other| other.gvk() == id.gvk).map(Resource::name);
                problem.help = super::nearest(&id.name, names).map(|nearest| format!("did you mean `{nearest}`?"));
                self.report(problem);
            }
            ([at], Behavior::Create) => {
                let words = format!("merging from generator: id {describe} exists; behavior must be merge or replace");
                let other = gathered.resources.list().get(*at).map_or(by, Resource::span);
                let (place, message, help) = already_there(arguments, &format!("{} {}", id.gvk.kind, id.name));
                let problem = Problem::new(ProblemKind::ObjectDuplicate, place, message)
                    .upstream(words)
                    .related(other, "the other one");
                self.report(problem.help(help));
                // What should have been merged is missing from the object.
                gathered.incomplete = true;
            }
            ([at], behavior) => {
                let Some(old) = gathered.resources.list().get(*at).cloned() else { return };
                inherit(&mut resource, &old, behavior, by);
                gathered.resources.replace(*at, resource);
            }
            _ => self.report(Problem::fails(by, format!("found multiple objects that could accept merge of {id}"))),
        }
    }
}

/// Where and how to tell that a generator makes an object that is there already, and what to do. Kustomize takes a word
/// that is no behavior for none at all.
fn already_there(arguments: &Node, object: &str) -> (Span, String, String) {
    let written = arguments.get("behavior").filter(|node| !matches!(text_of(Some(node)), "" | "create"));
    let Some(written) = written else {
        let help = "set `behavior: merge` or `behavior: replace`, or choose another name";
        return (arguments.span, format!("{object} is already there, so the build fails"), help.to_owned());
    };
    let word = text_of(Some(written));
    let message = format!(
        "`{word}` is no behavior, so kustomize takes this for a new object; {object} is already there, and the build fails"
    );
    let help = match super::nearest(word, ["merge", "replace"].into_iter()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write `merge` or `replace`".to_owned(),
    };
    (written.span, message, help)
}

/// What a merging or replacing resource keeps of the old one.
fn inherit(resource: &mut Resource, old: &Resource, behavior: Behavior, by: Span) {
    let mut merge = |path: &[&str]| {
        let Some(kept) = old.root.at(path).filter(|kept| !kept.entries().is_empty()) else { return };
        let mut merged = kept.clone();
        // The maps go through Go's `map[string]string`; keys lose their quotes on the way.
        if let Some(mapping) = merged.as_mapping_mut() {
            for value in mapping.values_mut() {
                if let Some(text) = value.value_text().filter(|_| value.as_str().is_none()) {
                    *value = Node { history: value.history.clone(), ..Node::string(text, value.span) };
                }
            }
            mapping.unquote_keys();
        }
        if let (Some(own), Some(mapping)) = (resource.root.at(path), merged.as_mapping_mut()) {
            for pair in own.entries() {
                let mut value = pair.value.clone();
                if let Some(before) = mapping.get(&pair.key.text) {
                    value.history = before.history.clone();
                    value.changed(Action::Replaced, by, Some(before.clone()));
                }
                mapping.insert(pair.key.clone(), value);
            }
        }
        let holder = match path {
            [field] => resource.root.as_mapping_mut().map(|root| (root, *field)),
            [first, field] => resource
                .root
                .as_mapping_mut()
                .and_then(|root| super::resource::map_at(root, first, by))
                .map(|map| (map, *field)),
            _ => None,
        };
        if let Some((mapping, field)) = holder {
            mapping.insert(Key::new(field, by), merged);
        }
    };
    merge(&["metadata", "labels"]);
    merge(&["metadata", "annotations"]);
    if behavior == Behavior::Merge {
        merge(&["data"]);
        merge(&["binaryData"]);
        // The object is still the old one, which has grown.
        resource.root.span = old.root.span;
        resource.root.history = old.root.history.clone();
        resource.root.changed(Action::Merged, by, Some(old.root.clone()));
    }
    if let Some(metadata) =
        resource.root.as_mapping_mut().and_then(|root| super::resource::map_at(root, "metadata", by))
    {
        for field in ["name", "namespace"] {
            match old.root.at(&["metadata", field]) {
                Some(value) => {
                    metadata.insert(Key::new(field, by), value.clone());
                }
                None => metadata.retain(|entry| entry.key.text != field),
            }
        }
    }
    resource.previous.clone_from(&old.previous);
    resource.prefixes.clone_from(&old.prefixes);
    resource.suffixes.clone_from(&old.suffixes);
    resource.behavior = old.behavior;
    resource.vars.clone_from(&old.vars);
    // The mark survives only if both carry it.
    resource.needs_hash = resource.needs_hash.filter(|_| old.needs_hash.is_some());
    if behavior == Behavior::Merge && old.origin.is_some() {
        resource.origin.clone_from(&old.origin);
    }
    resource.transformations.clone_from(&old.transformations);
}

/// That a file is fetched over the network is no mistake: the first of them speaks for all.
fn told_together(missing: Vec<Problem>) -> Vec<Problem> {
    let (remote, mut all): (Vec<_>, Vec<_>) =
        missing.into_iter().partition(|problem| problem.kind == ProblemKind::NotBuilt);
    let mut remote = remote.into_iter();
    if let Some(mut first) = remote.next() {
        first.related.extend(remote.map(|problem| (problem.span, "fetched too".to_owned())));
        all.push(first);
    }
    all
}

fn prefixed(mut problem: Box<Problem>, prefix: &str) -> Box<Problem> {
    problem.upstream = problem.upstream.map(|words| format!("{prefix}{words}"));
    problem
}

fn unquoted(text: &str) -> &str {
    let quoted = |quote: char| text.len() >= 2 && text.starts_with(quote) && text.ends_with(quote);
    if quoted('"') || quoted('\'') { &text[1..text.len() - 1] } else { text }
}

/// The pairs of a file of `KEY=value` lines.
fn env_pairs(file: FileId, bytes: &[u8]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let start = at;
        at += line.len();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = String::from_utf8_lossy(line);
        let text = if start == 0 { text.strip_prefix('\u{feff}').unwrap_or(&text) } else { &text };
        let trimmed = text.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let (key, value) = trimmed.split_once('=').unwrap_or((trimmed, ""));
        let span = Span::new(file, start + line.len() - trimmed.len().min(line.len()), start + line.len());
        if !key.is_empty() {
            pairs.push(Pair { key: key.to_owned(), bytes: value.as_bytes().to_vec(), span });
        }
    }
    pairs
}

fn base64_lines(bytes: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    if text.len() < BASE64_LINE {
        return text;
    }
    let mut lines = String::with_capacity(text.len() + text.len() / BASE64_LINE + 1);
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(BASE64_LINE));
        lines.push_str(line);
        lines.push('\n');
        rest = more;
    }
    lines
}
