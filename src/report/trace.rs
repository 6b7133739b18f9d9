//! `presync trace`: where the values of one object come from, as text and as JSON.
//!
//! A field's chain starts where the value was first written and ends with the value that reaches the cluster. Values of
//! Secrets are masked.

mod field;

use std::io::{self, Write};

use foldhash::{HashMap, HashMapExt};
use owo_colors::Style;
use serde_json::{Value as Json, json};
use unicode_width::UnicodeWidthStr;

use super::secrets::Secrets;
use super::{Canvas, visible};
use crate::source::{FileId, Span};
use crate::yaml::{Action, Change, Node, Scalar, Value, resolve_plain};
use field::{Lookup, Piece};

/// Columns a value may take before it is cut off in text.
const MAX_VALUE: usize = 60;
/// Column up to which places are aligned; behind longer values they follow as they can.
const MAX_ALIGNED: usize = 76;
/// What stands for a secret value, whatever its length.
const MASK: &str = "********";

/// What is traced: an object, or the values of a release.
pub struct Subject<'a> {
    /// Its name, as messages have it.
    pub name: String,
    /// The app that it belongs to.
    pub app: &'a str,
    /// Its content.
    pub root: &'a Node,
    /// Whether it is a Secret.
    pub secret: bool,
}

/// The fields of a subject that were asked for.
pub struct Trace<'a> {
    subject: &'a Subject<'a>,
    fields: Vec<Field<'a>>,
}

/// One field with its past.
struct Field<'a> {
    depth: usize,
    label: String,
    path: String,
    node: &'a Node,
    steps: Vec<Step<'a>>,
    /// The text that took it away.
    removed: Option<Span>,
    hidden: bool,
}

/// One step of a chain, the writing of the first value among them.
struct Step<'a> {
    /// `None` for the writing of the first value.
    action: Option<Action>,
    place: Span,
    before: Option<&'a Node>,
    /// The value from here on; `None` where it is not kept.
    after: Option<&'a Node>,
}

impl<'a> Trace<'a> {
    /// Traces one field and what is below it, or the whole subject.
    ///
    /// # Errors
    /// Why the field is not there, in words.
    pub fn of(subject: &'a Subject<'a>, path: Option<&str>) -> Result<Self, String> {
        let mut trace = Self { subject, fields: Vec::new() };
        let Some(path) = path.filter(|path| !path.trim_matches('.').is_empty()) else {
            trace.children(subject.root, "", 0, false);
            return Ok(trace);
        };
        match field::find(subject.root, path) {
            Lookup::Found { nodes, pieces } => {
                let Some((node, above)) = nodes.split_last() else { return Err(String::new()) };
                let hidden = trace.hides(&pieces);
                let mut changes = inherited(above, &pieces, node);
                changes.extend(past(node));
                let path = field::written(&pieces);
                if let (Some(holder), Some(Piece::Key(key))) = (above.last(), pieces.last()) {
                    trace.graves(holder, Some(key), &path, &path, 0, hidden);
                }
                trace.field(node, path.clone(), path, 0, hidden, &changes);
            }
            Lookup::Gone { by, value, pieces } => {
                let path = field::written(&pieces);
                trace.gone(value, by, path.clone(), path, 0, trace.hides(&pieces));
            }
            Lookup::Missing(words) => return Err(words),
        }
        Ok(trace)
    }

    /// The subject and its app.
    pub fn title(&self) -> String {
        format!("{} in app {}", self.subject.name, self.subject.app)
    }

    /// Whether everything below a path is secret.
    fn hides(&self, pieces: &[Piece]) -> bool {
        self.subject.secret && matches!(pieces.first(), Some(Piece::Key(key)) if key == "data" || key == "stringData")
    }

    /// Adds a field and what is below it. The parser bounds depth, so recursion is bounded too.
    fn field(&mut self, node: &'a Node, label: String, path: String, depth: usize, hidden: bool, past: &[Past<'a>]) {
        let steps = steps(past, node);
        self.fields.push(Field { depth, label, path: path.clone(), node, steps, removed: None, hidden });
        self.children(node, &path, depth + 1, hidden);
    }

    fn children(&mut self, node: &'a Node, path: &str, depth: usize, hidden: bool) {
        for entry in node.entries() {
            let piece = Piece::Key(entry.key.text.to_string());
            let hidden = hidden || path.is_empty() && self.hides(std::slice::from_ref(&piece));
            let below = field::below(path, &piece);
            self.field(&entry.value, entry.key.text.to_string(), below, depth, hidden, &past(&entry.value));
        }
        for (at, item) in node.items().iter().enumerate() {
            self.field(item, format!("[{at}]"), field::below(path, &Piece::Index(at)), depth, hidden, &past(item));
        }
        self.graves(node, None, path, "", depth, hidden);
    }

    /// Adds what was taken away from a map or list: all of it, or one key.
    fn graves(&mut self, holder: &'a Node, only: Option<&str>, path: &str, label: &str, depth: usize, hidden: bool) {
        for (item, by) in field::removed_items(holder).filter(|_| only.is_none()) {
            let piece = field::piece_of_removed(item);
            let label = field::below("", &piece);
            self.gone(item, by, label, field::below(path, &piece), depth, hidden);
        }
        let Some(mapping) = holder.as_mapping() else { return };
        // A patch's null for a field that is not there takes nothing away.
        let graves = mapping.removed().iter().filter(|grave| grave.value.span != grave.by);
        for grave in graves.filter(|grave| only.is_none_or(|only| grave.key.text == only)) {
            let piece = Piece::Key(grave.key.text.to_string());
            let hidden = hidden || path.is_empty() && self.hides(std::slice::from_ref(&piece));
            let (label, path) = match only {
                Some(_) => (label.to_owned(), path.to_owned()),
                None => (grave.key.text.to_string(), field::below(path, &piece)),
            };
            self.gone(&grave.value, grave.by, label, path, depth, hidden);
        }
    }

    fn gone(&mut self, node: &'a Node, by: Span, label: String, path: String, depth: usize, hidden: bool) {
        let mut steps = steps(&past(node), node);
        if steps.is_empty() {
            steps.push(Step { action: None, place: node.span, before: None, after: Some(node) });
        }
        self.fields.push(Field { depth, label, path, node, steps, removed: Some(by), hidden });
    }
}

/// A change, of the field itself or of something that holds it.
struct Past<'a> {
    action: Action,
    by: Span,
    before: Option<&'a Node>,
}

impl<'a> Past<'a> {
    fn of(change: &'a Change) -> Self {
        Self { action: change.action, by: change.by, before: change.before.as_ref() }
    }
}

/// The changes of a node itself. Items that were taken out of a list have a line of their own.
fn past(node: &Node) -> Vec<Past<'_>> {
    node.history.changes().iter().filter(|change| change.action != Action::ItemRemoved).map(Past::of).collect()
}

/// The past of a field before a map or list that holds it was replaced as a whole, or stood behind an alias.
fn inherited<'a>(above: &[&'a Node], pieces: &[Piece], node: &'a Node) -> Vec<Past<'a>> {
    let own = self::past(node).iter().find_map(|change| change.before);
    let origin = own.map_or(node.span, |before| before.span);
    let mut past = Vec::new();
    for (at, holder) in above.iter().enumerate() {
        let (rest, along) = (pieces.get(at..).unwrap_or_default(), above.get(at..).unwrap_or_default());
        for change in self::past(holder) {
            match change.before {
                // What a patch only added to keeps its fields, and they know their own past.
                Some(_) if change.action == Action::Merged => {}
                Some(before) => {
                    let Some(before) = counterpart(before, rest, along, node) else { continue };
                    past.extend(self::past(before));
                    past.push(Past { action: change.action, by: change.by, before: Some(before) });
                }
                None if change.action == Action::Aliased && covers(holder.span, origin) => {
                    past.push(Past { action: change.action, by: change.by, before: None });
                }
                None => {}
            }
        }
    }
    past
}

/// The field of an older tree that stands where `node` stands in the newer one. Items of lists are the same if both have
/// the same name.
fn counterpart<'a>(before: &'a Node, pieces: &[Piece], along: &[&Node], node: &Node) -> Option<&'a Node> {
    let newer = along.iter().skip(1).copied().chain([node]);
    pieces.iter().zip(newer).try_fold(before, |older, (piece, newer)| match piece {
        Piece::Key(key) => older.get(key),
        Piece::Item(_) => None,
        Piece::Index(_) => {
            let name = newer.get("name").and_then(Node::as_text)?;
            older.items().iter().find(|item| item.get("name").and_then(Node::as_text) == Some(name))
        }
    })
}

/// The chain of a field. Empty for a value that nothing changed: then its place tells everything.
fn steps<'a>(past: &[Past<'a>], last: &'a Node) -> Vec<Step<'a>> {
    let Some(first) = past.first() else { return Vec::new() };
    let after = |at: usize| past.get(at..).unwrap_or_default().iter().find_map(|change| change.before).unwrap_or(last);
    let origin = after(0);
    let mut steps = Vec::new();
    // What a transformer wrote where nothing was has no other origin, and a map that grew is told by its fields.
    let is_origin = first.before.is_some() || !covers(first.by, origin.span);
    if first.action != Action::Merged && is_origin {
        steps.push(Step { action: None, place: origin.span, before: None, after: Some(origin) });
    }
    for (at, change) in past.iter().enumerate() {
        // What a merge added to a map or list stands below it.
        let after = (change.action != Action::Merged).then(|| after(at + 1));
        steps.push(Step { action: Some(change.action), place: change.by, before: change.before, after });
    }
    steps
}

fn covers(outer: Span, inner: Span) -> bool {
    outer.file == inner.file && outer.start <= inner.start && inner.end <= outer.end
}

/// A step in words, for people.
fn words(action: Option<Action>) -> &'static str {
    match action {
        None => "written",
        Some(Action::Aliased) => "taken over by an alias",
        Some(Action::Replaced) => "replaced",
        Some(Action::Merged) => "merged with a patch",
        Some(Action::ItemRemoved) => "item removed",
        Some(Action::Namespaced) => "set by `namespace`",
        Some(Action::Prefixed) => "prefix added",
        Some(Action::Suffixed) => "suffix added",
        Some(Action::Hashed) => "content hash added",
        Some(Action::Labelled) => "set by labels or annotations",
        Some(Action::ImageSet) => "set by `images`",
        Some(Action::ReplicasSet) => "set by `replicas`",
        Some(Action::Substituted) => "substituted",
        Some(Action::ReferenceUpdated) => "follows the object's new name",
        Some(Action::Generated) => "generated",
    }
}

/// A step as programs read it.
fn keyword(action: Option<Action>) -> &'static str {
    match action {
        None => "written",
        Some(Action::Aliased) => "aliased",
        Some(Action::Replaced) => "replaced",
        Some(Action::Merged) => "merged",
        Some(Action::ItemRemoved) => "item-removed",
        Some(Action::Namespaced) => "namespaced",
        Some(Action::Prefixed) => "prefixed",
        Some(Action::Suffixed) => "suffixed",
        Some(Action::Hashed) => "hashed",
        Some(Action::Labelled) => "labelled",
        Some(Action::ImageSet) => "image-set",
        Some(Action::ReplicasSet) => "replicas-set",
        Some(Action::Substituted) => "substituted",
        Some(Action::ReferenceUpdated) => "reference-updated",
        Some(Action::Generated) => "generated",
    }
}

/// A line of text: what is said, and the place it is said of.
struct Line {
    indent: usize,
    /// Stands before the words of a step.
    mark: &'static str,
    words: String,
    value: String,
    place: Option<Span>,
    look: Style,
}

/// Writes a trace for people: a tree of fields with the place of every value, and below it the steps that led there.
///
/// # Errors
/// If the writer fails.
pub fn text(trace: &Trace<'_>, canvas: &Canvas<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut view = View { canvas, secrets: HashMap::new() };
    let lines: Vec<Line> = trace.fields.iter().flat_map(|field| view.lines(field)).collect();
    let column =
        lines.iter().filter(|line| line.place.is_some()).map(Line::width).filter(|width| *width <= MAX_ALIGNED);
    let column = column.max().unwrap_or(0);
    let app = format!("in app {}", trace.subject.app);
    let title = visible::line(&trace.subject.name).into_owned();
    writeln!(out, "{}  {}", view.style(Style::new().bold()).style(title), view.dim(&visible::line(&app)))?;
    for line in &lines {
        let indent = " ".repeat(line.indent);
        let words = view.style(line.look).style(&line.words).to_string();
        write!(out, "{indent}{}{words}{}", view.dim(line.mark), line.value)?;
        if let Some(place) = line.place {
            let gap = " ".repeat(column.saturating_sub(line.width()) + 2);
            let place = view.place(place);
            write!(out, "{gap}{}", view.dim(&visible::line(&place)))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// The same as JSON: the subject, its app, and a flat list of fields.
pub fn json(trace: &Trace<'_>, canvas: &Canvas<'_>) -> Json {
    let mut view = View { canvas, secrets: HashMap::new() };
    let told = |field: &&Field<'_>| is_leaf(field.node) || !field.steps.is_empty();
    let fields: Vec<Json> = trace.fields.iter().filter(told).map(|field| view.json(field)).collect();
    json!({ "version": 1, "object": trace.subject.name, "app": trace.subject.app, "fields": fields })
}

impl Line {
    fn width(&self) -> usize {
        self.indent + self.mark.width() + self.words.width() + self.value.width()
    }
}

struct View<'a> {
    canvas: &'a Canvas<'a>,
    secrets: HashMap<FileId, Secrets>,
}

impl View<'_> {
    fn style(&self, style: Style) -> Style {
        if self.canvas.colour { style } else { Style::new() }
    }

    fn dim(&self, text: &str) -> String {
        if text.is_empty() { String::new() } else { self.style(Style::new().dimmed()).style(text).to_string() }
    }

    /// `path:line`
    fn place(&self, span: Span) -> String {
        let file = self.canvas.files.sources.file(span.file);
        format!("{}:{}", self.canvas.paths.display(&file.path), file.position(span.start).line)
    }

    fn is_secret(&mut self, node: &Node) -> bool {
        let files = self.canvas.files;
        let id = node.span.file;
        let secrets = self.secrets.entry(id);
        secrets.or_insert_with(|| Secrets::of(&files.sources.file(id), &files.stream(id))).touch(node.span)
    }

    fn lines(&mut self, field: &Field<'_>) -> Vec<Line> {
        let indent = field.depth * 2;
        let label = format!("{}:", visible::line(&field.label));
        let mut lines = Vec::new();
        let mut first =
            Line { indent, mark: "", words: label, value: String::new(), place: None, look: Style::new().cyan() };
        match field.removed {
            Some(by) => {
                first.value = format!(" removed, was {}", self.value(field.node, field.hidden));
                first.place = Some(by);
            }
            None if is_leaf(field.node) => {
                first.value = format!(" {}", self.value(field.node, field.hidden));
                first.place = Some(field.node.span);
            }
            None => {}
        }
        lines.push(first);
        for (at, step) in field.steps.iter().enumerate() {
            let value = step.after.map(|node| format!(": {}", self.value(node, field.hidden))).unwrap_or_default();
            let (mark, words) = (if at == 0 { "  " } else { "→ " }, words(step.action).to_owned());
            lines.push(Line { indent: indent + 2, mark, words, value, place: Some(step.place), look: Style::new() });
        }
        if let Some(by) = field.removed {
            let (mark, words) = ("→ ", "removed".to_owned());
            let look = Style::new().yellow();
            lines.push(Line { indent: indent + 2, mark, words, value: String::new(), place: Some(by), look });
        }
        lines
    }

    fn json(&mut self, field: &Field<'_>) -> Json {
        let mut history = Vec::new();
        for step in &field.steps {
            history.push(json!({
                "action": keyword(step.action),
                "place": self.place(step.place),
                "before": step.before.map(|node| self.data(node, field.hidden)),
                "after": step.after.map(|node| self.data(node, field.hidden)),
            }));
        }
        let removed = field.removed.map(|by| {
            json!({ "place": self.place(by), "was": self.data(field.node, field.hidden), "written": self.place(field.node.span) })
        });
        let value = match field.removed {
            Some(_) => Json::Null,
            None => self.data(field.node, field.hidden),
        };
        let place = self.place(field.removed.unwrap_or(field.node.span));
        let known = !field.node.is_unknown();
        json!({
            "path": field.path, "value": value, "known": known, "place": place, "history": history, "removed": removed,
        })
    }

    /// A value on one line.
    fn value(&mut self, node: &Node, hidden: bool) -> String {
        let mut text = String::new();
        self.inline(node, hidden, &mut text);
        let text = visible::line(&text).into_owned();
        if text.width() <= MAX_VALUE {
            return text;
        }
        let mut width = 0;
        let fits = |character: &char| {
            width += unicode_width::UnicodeWidthChar::width(*character).unwrap_or(0);
            width < MAX_VALUE
        };
        text.chars().take_while(fits).chain(['…']).collect()
    }

    fn inline(&mut self, node: &Node, hidden: bool, text: &mut String) {
        // What is too long is cut off; there is no use in going on.
        if text.len() > MAX_VALUE * 8 {
            return;
        }
        match &node.value {
            Value::Scalar(_) if hidden || self.is_secret(node) => text.push_str(MASK),
            Value::Scalar(content) => text.push_str(&scalar(node, content)),
            Value::Sequence(items) => {
                text.push('[');
                for (at, item) in items.iter().enumerate() {
                    text.push_str(if at == 0 { "" } else { ", " });
                    self.inline(item, hidden, text);
                }
                text.push(']');
            }
            Value::Mapping(mapping) => {
                text.push('{');
                for (at, entry) in mapping.iter().enumerate() {
                    text.push_str(if at == 0 { "" } else { ", " });
                    text.push_str(&entry.key.text);
                    text.push_str(": ");
                    self.inline(&entry.value, hidden, text);
                }
                text.push('}');
            }
        }
    }

    /// A value as JSON; null for one that is not known.
    fn data(&mut self, node: &Node, hidden: bool) -> Json {
        match &node.value {
            Value::Scalar(_) if hidden || self.is_secret(node) => Json::from(MASK),
            Value::Scalar(_) => match node.resolve() {
                Some(Scalar::Bool(value)) => value.into(),
                Some(Scalar::Int(value)) => value.into(),
                Some(Scalar::UInt(value)) => value.into(),
                Some(Scalar::Float(value)) => value.into(),
                Some(Scalar::String(text)) => text.into(),
                Some(Scalar::Null | Scalar::Unknown) | None => Json::Null,
            },
            Value::Sequence(items) => items.iter().map(|item| self.data(item, hidden)).collect(),
            Value::Mapping(mapping) => {
                let pairs = mapping.iter().map(|entry| (entry.key.text.to_string(), self.data(&entry.value, hidden)));
                Json::Object(pairs.collect())
            }
        }
    }
}

/// Whether the field is shown with its value rather than with its fields.
fn is_leaf(node: &Node) -> bool {
    node.entries().is_empty() && node.items().is_empty()
}

/// A scalar on one line: a string in quotes where it would be read as something else without them.
fn scalar(node: &Node, content: &str) -> String {
    match node.resolve() {
        Some(Scalar::Unknown) => "(not known offline)".to_owned(),
        Some(Scalar::Null) => "null".to_owned(),
        Some(Scalar::String(text)) => {
            let mut lines = text.lines();
            match (lines.next().unwrap_or_default(), lines.count()) {
                ("", 0) => "\"\"".to_owned(),
                (first, 0) if matches!(resolve_plain(first), Scalar::String(_)) => first.to_owned(),
                (first, 0) => format!("\"{first}\""),
                // The count must survive where a long line is cut off.
                (first, more) => format!("{} lines: {first} …", more + 1),
            }
        }
        _ => content.to_owned(),
    }
}
