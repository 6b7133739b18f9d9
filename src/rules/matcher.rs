//! Declarative checks: the `check:` of a rule file.
//!
//! A check names what it looks at (`each`), the field that must be there (`at`), and an expression that denies what it
//! finds there (`deny`). Candidates are found by kind and path, so an expression runs only where its field stands.

use crate::config::Reader;
use crate::finding::{Edit, Finding};
use crate::helm::Release;
use crate::kubernetes::{Object, Pod};
use crate::repository::{BuiltApp, Repository};
use crate::source::{SourceFile, Span};
use crate::yaml::{Entry, Key, Mapping, Node, Style};

use super::expression::Expression;
use super::rule::Findings;

/// A declarative check.
#[derive(Debug)]
pub struct Matcher {
    /// What is looked at: one, or several kinds.
    each: Vec<Each>,
    /// The fields that are judged, each by a path.
    at: Vec<Vec<Step>>,
    deny: Expression,
    message: Template,
    label: Option<Template>,
    help: Option<Template>,
    /// Keys that the fix writes beside the field, with their values as YAML.
    set: Vec<(String, String)>,
}

/// What a check looks at.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Each {
    /// Every pod spec.
    Pod,
    /// Every container of every pod.
    Container,
    /// Every object of a kind; of any group, unless one is named.
    Kind { group: Option<String>, kind: String },
    /// The values of every release of a chart.
    Chart(String),
}

/// A step from a node to those below it.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Step {
    /// To the value under a key.
    Key(String),
    /// To every item of a list.
    Items,
}

/// The variables of an expression.
const VARIABLES: [&str; 6] = ["self", "value", "object", "release", "settings", "cluster"];

/// The placeholders of a message.
const PLACEHOLDERS: [&str; 5] = ["object", "container", "value", "release", "chart"];

/// A text with placeholders such as `{object}`.
#[derive(Clone, Debug)]
struct Template(String);

/// One place to judge.
struct Candidate<'a> {
    /// What is looked at: a pod spec, a container, an object, the values of a release.
    own: &'a Node,
    object: Option<&'a Object>,
    container: Option<&'a str>,
    release: Option<&'a Release>,
}

/// What stands at the end of a path: the entry that holds it, unless it is an item of a list.
#[derive(Clone, Copy)]
struct Found<'a> {
    node: &'a Node,
    /// The key and the map that holds it.
    entry: Option<(&'a Key, &'a Mapping)>,
}

impl Matcher {
    /// Reads the `check` of a rule file. `None` if it can't be used; the reader then knows why.
    pub(super) fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let keys = ["each", "at", "deny", "message", "label", "help", "set"];
        let fields = reader.fields(node, "`check`", &keys)?;
        let mut required = |key: &str, several: bool| match fields.get(key) {
            Some(node) if several && node.as_sequence().is_some() => {
                let texts = reader.texts(node, &format!("`{key}`"));
                (!texts.is_empty()).then(|| texts.into_iter().map(|(text, span)| (text.to_owned(), span)).collect())
            }
            Some(node) => reader.text(node, &format!("`{key}`")).map(|text| vec![(text.to_owned(), node.span)]),
            None => {
                reader.problem(node.span, format!("`check` needs `{key}`"));
                None
            }
        };
        let (each, at): (Option<Vec<(String, Span)>>, _) = (required("each", true), required("at", true));
        let mut one = |key| required(key, false).and_then(|texts| texts.into_iter().next());
        let (deny, message) = (one("deny"), one("message"));
        let each: Option<Vec<Each>> =
            each.and_then(|texts| texts.iter().map(|(text, span)| read_each(text, *span, reader)).collect());
        let at: Option<Vec<Vec<Step>>> =
            at.and_then(|texts| texts.iter().map(|(text, span)| read_path(text, *span, reader)).collect());
        let deny = deny.and_then(|(text, span)| match Expression::new(&text, &VARIABLES) {
            Ok(expression) => Some(expression),
            Err(message) => {
                reader.problem(span, message);
                None
            }
        });
        let message = message.and_then(|(text, span)| Template::read(&text, span, reader));
        let mut optional = |key: &str| {
            let node = fields.get(key)?;
            Template::read(reader.text(node, &format!("`{key}`"))?, node.span, reader)
        };
        let (label, help) = (optional("label"), optional("help"));
        let set = fields.get("set").map(|node| read_set(node, reader)).unwrap_or_default();
        Some(Self { each: each?, at: at?, deny: deny?, message: message?, label, help, set })
    }

    /// Looks at everything in an app.
    pub(crate) fn check<'a>(&self, app: &'a BuiltApp, repository: &'a Repository, findings: &mut Findings<'a>) {
        self.each.iter().for_each(|each| self.look(each, app, repository, findings));
    }

    fn look<'a>(&self, each: &Each, app: &'a BuiltApp, repository: &'a Repository, findings: &mut Findings<'a>) {
        if let Each::Chart(chart) = each {
            findings.about(Some(app), None);
            for release in app.releases.iter().filter(|release| release.chart.name == *chart) {
                let own = &release.values;
                self.judge(
                    &Candidate { own, object: None, container: None, release: Some(release) },
                    repository,
                    findings,
                );
            }
            return;
        }
        for object in &app.objects {
            findings.about(Some(app), Some(object));
            let whole = Candidate { own: &object.root, object: Some(object), container: None, release: None };
            match each {
                Each::Kind { group, kind } => {
                    if object.id.kind == *kind && group.as_ref().is_none_or(|group| object.id.group == *group) {
                        self.judge(&whole, repository, findings);
                    }
                }
                Each::Pod => {
                    if let Some(pod) = Pod::of(object) {
                        self.judge(&Candidate { own: pod.spec, ..whole }, repository, findings);
                    }
                }
                Each::Container => {
                    for container in Pod::of(object).into_iter().flat_map(Pod::containers) {
                        let candidate = Candidate { own: container.node, container: container.name(), ..whole };
                        self.judge(&candidate, repository, findings);
                    }
                }
                Each::Chart(_) => {}
            }
        }
    }

    fn judge(&self, candidate: &Candidate<'_>, repository: &Repository, findings: &mut Findings<'_>) {
        let mut found = Vec::new();
        for path in &self.at {
            walk(Found { node: candidate.own, entry: None }, path, &mut found);
        }
        let release = candidate.release.map(release_node);
        let settings = findings.settings();
        let cluster = self.deny.reads("cluster").then(|| cluster_node(repository, candidate.own.span));
        let incomplete: &[&str] =
            if candidate.release.is_some_and(|release| release.incomplete) { &["self"] } else { &[] };
        for place in found {
            let mut variables = vec![("self", candidate.own), ("value", place.node), ("settings", &settings)];
            variables.extend(cluster.as_ref().map(|cluster| ("cluster", cluster)));
            variables.extend(candidate.object.map(|object| ("object", &object.root)));
            variables.extend(release.as_ref().map(|release| ("release", release)));
            if self.deny.holds(&variables, incomplete) == Some(true) {
                self.report(candidate, place, repository, findings);
            }
        }
    }

    fn report(
        &self,
        candidate: &Candidate<'_>,
        place: Found<'_>,
        repository: &Repository,
        findings: &mut Findings<'_>,
    ) {
        // A map or list may be long; its key says enough.
        let is_scalar = place.node.as_mapping().is_none() && place.node.as_sequence().is_none();
        let span = place.entry.filter(|_| !is_scalar).map_or(place.node.span, |(key, _)| key.span);
        let fill = |template: &Template| template.fill(candidate, place.node);
        let finding: &mut Finding = findings.report(span, fill(&self.message));
        if let Some(label) = &self.label {
            finding.label(fill(label));
        }
        if let Some(help) = &self.help {
            finding.help(fill(help));
        }
        if let (false, Some((key, _))) = (self.set.is_empty(), place.entry) {
            let file = repository.files.sources.file(key.span.file);
            let edits: Option<Vec<Edit>> =
                self.set.iter().map(|(name, value)| beside(&file, place, name, value)).collect();
            if let Some(edits) = edits {
                let words: Vec<String> = self.set.iter().map(|(name, value)| format!("{name}: {value}")).collect();
                finding.fix(format!("write `{}`", words.join("`, `")), edits);
            }
        }
    }
}

/// Everything at the end of a path.
fn walk<'a>(from: Found<'a>, steps: &[Step], found: &mut Vec<Found<'a>>) {
    match steps.split_first() {
        None => found.push(from),
        Some((Step::Items, rest)) => {
            from.node.items().iter().for_each(|node| walk(Found { node, entry: None }, rest, found));
        }
        Some((Step::Key(key), rest)) => {
            let Some(mapping) = from.node.as_mapping() else { return };
            if let Some(entry) = mapping.entry(key).filter(|entry| !entry.value.is_null()) {
                walk(Found { node: &entry.value, entry: Some((&entry.key, mapping)) }, rest, found);
            }
        }
    }
}

fn beside(file: &SourceFile, place: Found<'_>, name: &str, text: &str) -> Option<Edit> {
    let (key, mapping) = place.entry?;
    set_beside(file, key, place.node, mapping, name, text)
}

/// The edit that writes a key beside another one of a map, or its value where it is there already. `None` where the text
/// is not a plain map entry there, as in a JSON patch.
pub(super) fn set_beside(
    file: &SourceFile,
    key: &Key,
    value: &Node,
    mapping: &Mapping,
    name: &str,
    text: &str,
) -> Option<Edit> {
    if let Some(existing) = mapping.get(name) {
        let is_plain = existing.style == Style::Plain && !existing.span.range().is_empty();
        return is_plain.then(|| Edit { span: existing.span, text: text.to_owned() });
    }
    let line = file.line_index(key.span.start);
    let value = value.span;
    if file.slice(key.span) != key.text || value.file != key.span.file || file.line_index(value.start) != line {
        return None;
    }
    let start = file.line_starts().get(line).copied()?;
    let before = file.slice(Span { file: file.id, start, end: key.span.start });
    let separator = if before.chars().all(|character| matches!(character, ' ' | '-')) {
        let end = file.line_starts().get(line + 1).map(|next| *next as usize);
        let ends_with_carriage_return =
            end.and_then(|end| file.text()?.get(..end)).is_some_and(|text| text.ends_with("\r\n"));
        format!("{}{}", if ends_with_carriage_return { "\r\n" } else { "\n" }, before.replace('-', " "))
    } else if before.trim_end().ends_with(['{', ',']) {
        ", ".to_owned()
    } else {
        return None;
    };
    Some(Edit { span: Span { end: key.span.start, ..key.span }, text: format!("{name}: {text}{separator}") })
}

/// What is known of the cluster that a place is for.
fn cluster_node(repository: &Repository, span: Span) -> Node {
    let mut mapping = Mapping::default();
    let minor = repository.release_at(span.file).map(|target| target.version.minor.to_string());
    if let Some(minor) = minor {
        mapping.push(Entry { key: Key::new("minor", span), value: Node::plain(&minor, span) });
    }
    let distributions = repository.distributions.iter().map(|one| Node::string(one.name(), span)).collect();
    mapping.push(Entry { key: Key::new("distributions", span), value: Node::sequence(distributions, span) });
    Node::mapping(mapping, span)
}

fn release_node(release: &Release) -> Node {
    let span = release.chart_span;
    let mut mapping = Mapping::default();
    let version = release.chart.version.as_deref();
    let repository = release.chart.repository.as_deref();
    let fields = [
        ("name", Some(release.name.as_str())),
        ("namespace", Some(release.namespace.as_str()).filter(|namespace| !namespace.is_empty())),
        ("chart", Some(release.chart.name.as_str())),
        ("version", version),
        ("repository", repository),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            mapping.push(Entry { key: Key::new(name, span), value: Node::string(value, span) });
        }
    }
    Node::mapping(mapping, span)
}

fn read_each(text: &str, span: Span, reader: &mut Reader) -> Option<Each> {
    let is_kind = |kind: &str| kind.starts_with(|first: char| first.is_ascii_uppercase());
    Some(match text.split_once(' ') {
        Some(("chart", name)) => Each::Chart(name.trim().to_owned()),
        None if text == "pod" => Each::Pod,
        None if text == "container" => Each::Container,
        None => match text.rsplit_once('/') {
            Some((group, kind)) if is_kind(kind) => {
                let group = if group == "core" { "" } else { group };
                Each::Kind { group: Some(group.to_owned()), kind: kind.to_owned() }
            }
            None if is_kind(text) => Each::Kind { group: None, kind: text.to_owned() },
            _ => return misread_each(text, span, reader),
        },
        Some(_) => return misread_each(text, span, reader),
    })
}

fn misread_each(text: &str, span: Span, reader: &mut Reader) -> Option<Each> {
    let message = format!("`each` must be `pod`, `container`, a kind, or `chart NAME`, not `{text}`");
    reader.problem(span, message).help = Some("write a kind as `Deployment` or `apps/Deployment`".to_owned());
    None
}

fn read_path(text: &str, span: Span, reader: &mut Reader) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for part in text.split('.') {
        let (key, lists) = part.find('[').map_or((part, ""), |at| part.split_at(at));
        if key.is_empty() || !lists.replace("[]", "").is_empty() {
            let message =
                format!("`{text}` is no path; write keys with dots between them, and `[]` for each item of a list");
            reader.problem(span, message);
            return None;
        }
        steps.push(Step::Key(key.to_owned()));
        steps.extend(std::iter::repeat_n(Step::Items, lists.len() / 2));
    }
    Some(steps)
}

fn read_set(node: &Node, reader: &mut Reader) -> Vec<(String, String)> {
    let Some(mapping) = reader.mapping(node, "`set`") else { return Vec::new() };
    let mut set = Vec::new();
    for entry in mapping.iter() {
        match entry.value.as_text().filter(|_| entry.value.style == Style::Plain) {
            Some(text) => set.push((entry.key.text.to_string(), text.to_owned())),
            None => {
                reader.problem(entry.value.span, "a value of `set` must be written without quotes");
            }
        }
    }
    set
}

impl Template {
    fn read(text: &str, span: Span, reader: &mut Reader) -> Option<Self> {
        for (start, _) in text.match_indices('{') {
            let Some((name, _)) = text.get(start + 1..).and_then(|rest| rest.split_once('}')) else { continue };
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if is_name && !PLACEHOLDERS.contains(&name) {
                let message = format!("there is no placeholder `{{{name}}}`; there are {}", PLACEHOLDERS.join(", "));
                reader.unknown_name(span, message, name, PLACEHOLDERS);
                return None;
            }
        }
        Some(Self(text.trim_end().to_owned()))
    }

    fn fill(&self, candidate: &Candidate<'_>, value: &Node) -> String {
        let mut text = self.0.clone();
        for name in PLACEHOLDERS {
            let placeholder = format!("{{{name}}}");
            if !text.contains(&placeholder) {
                continue;
            }
            let filling = match name {
                "object" => candidate.object.map(|object| object.id.to_string()),
                "container" => candidate.container.map(str::to_owned),
                "value" => value.as_text().map(str::to_owned),
                "release" => candidate.release.map(|release| release.name.clone()),
                _ => candidate.release.map(|release| release.chart.name.clone()),
            };
            text = text.replace(&placeholder, &filling.unwrap_or_default());
        }
        text
    }
}
