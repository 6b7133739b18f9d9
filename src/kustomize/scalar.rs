//! What a scalar means to kustomize while it builds: go-yaml v3, where `yes` is a string and a date is a time; and the
//! step from there to what it prints, which go-yaml v2 wrote.

use base64::Engine as _;

use crate::source::Span;
use crate::yaml::{Entry, Node, Scalar, Style, Tag, Value, is_timestamp, resolve_plain};

/// The type of a scalar while kustomize builds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Null,
    Bool,
    Int,
    Float,
    String,
    Timestamp,
}

/// The type that go-yaml v3 gives a plain text.
fn plain_kind(text: &str) -> Kind {
    match resolve_plain(text) {
        Scalar::Null => Kind::Null,
        Scalar::Bool(_) if matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE") => Kind::Bool,
        Scalar::Int(_) | Scalar::UInt(_) => Kind::Int,
        Scalar::Float(_) => Kind::Float,
        _ if is_timestamp(text) => Kind::Timestamp,
        _ => Kind::String,
    }
}

/// The type of a scalar; `None` for lists and maps.
pub(super) fn kind(node: &Node) -> Option<Kind> {
    let Value::Scalar(text) = &node.value else { return None };
    Some(match node.tag {
        Tag::None if node.style == Style::Plain => plain_kind(text),
        Tag::Int => Kind::Int,
        Tag::Float => Kind::Float,
        Tag::Bool => Kind::Bool,
        Tag::Null => Kind::Null,
        Tag::None | Tag::Str | Tag::Binary | Tag::Foreign | Tag::Unknown => Kind::String,
    })
}

/// Whether the node is missing or null to kustomize.
pub(super) fn is_nothing(node: Option<&Node>) -> bool {
    node.is_none_or(Node::is_null)
}

/// Writes another text into a scalar and keeps its type, as kustomize does where it copies values.
pub(super) fn set_text(node: &mut Node, text: &str) {
    if node.style == Style::Plain && node.tag == Tag::None {
        node.tag = match kind(node) {
            Some(Kind::Bool) => Tag::Bool,
            Some(Kind::Int) => Tag::Int,
            Some(Kind::Float) => Tag::Float,
            Some(Kind::Null) => Tag::Null,
            Some(Kind::String | Kind::Timestamp) | None => Tag::Str,
        };
    }
    node.value = Value::Scalar(text.into());
}

/// Why a tree can't be printed.
pub(super) struct Unprintable {
    pub(super) span: Span,
    pub(super) why: String,
}

/// Rewrites every scalar and key so that its YAML 1.1 meaning is what kustomize would print: `yes` becomes `"yes"`, a
/// date the time it stands for. Parts of the tree where nothing changes stay shared.
pub(super) fn canonical(node: &mut Node) -> Result<(), Unprintable> {
    canonical_in(node, false)
}

/// `flow`: the node stands in brackets, where upstream's emitter has to write a blank value as `''`.
fn canonical_in(node: &mut Node, flow: bool) -> Result<(), Unprintable> {
    let flow = flow || node.style == Style::Flow;
    if is_canonical(node, flow) {
        return Ok(());
    }
    match &mut node.value {
        Value::Scalar(text) => {
            if flow && text.is_empty() && node.style == Style::Plain && node.tag == Tag::None {
                node.style = Style::DoubleQuoted;
                return Ok(());
            }
            return canonical_scalar(node);
        }
        Value::Sequence(_) => {
            for item in node.as_sequence_mut().into_iter().flatten() {
                canonical_in(item, flow)?;
            }
        }
        Value::Mapping(_) => {
            let Some(mapping) = node.as_mapping_mut() else { return Ok(()) };
            if let Some(hidden) = mapping.shadowed().first() {
                let why = format!("mapping key {:?} already defined", hidden.key.text);
                return Err(Unprintable { span: hidden.key.span, why });
            }
            if let Some(entry) = mapping.iter().find(|entry| !key_is_string(entry)) {
                let why = "json: unsupported type: map[interface {}]interface {}".to_owned();
                return Err(Unprintable { span: entry.key.span, why });
            }
            mapping.quote_keys();
            for value in mapping.values_mut() {
                canonical_in(value, flow)?;
            }
        }
    }
    Ok(())
}

fn key_is_string(entry: &Entry) -> bool {
    entry.key.style != Style::Plain || matches!(plain_kind(&entry.key.text), Kind::String | Kind::Timestamp)
}

fn is_canonical(node: &Node, flow: bool) -> bool {
    let flow = flow || node.style == Style::Flow;
    match &node.value {
        Value::Scalar(text) => match (node.tag, node.style) {
            (Tag::None, Style::Plain) => match resolve_plain(text) {
                Scalar::Bool(_) => plain_kind(text) == Kind::Bool,
                Scalar::String(text) => !is_timestamp(text),
                Scalar::Float(value) => value.is_finite() && whole(text, value).is_none(),
                Scalar::Null => !(flow && text.is_empty()),
                _ => true,
            },
            (Tag::None, Style::Folded) => refolded(text).is_none(),
            (Tag::None, _) => true,
            _ => false,
        },
        Value::Sequence(items) => items.iter().all(|item| is_canonical(item, flow)),
        Value::Mapping(mapping) => {
            mapping.shadowed().is_empty()
                && mapping.iter().all(|entry| {
                    let plain = entry.key.style == Style::Plain;
                    let reads_as_string = matches!(resolve_plain(&entry.key.text), Scalar::String(_));
                    (!plain || reads_as_string) && is_canonical(&entry.value, flow)
                })
        }
    }
}

/// A whole number that is written with an exponent, without it: JSON has none below 10^21.
fn whole(text: &str, value: f64) -> Option<String> {
    let written = text.contains(['e', 'E']) && value.fract() == 0.0 && value.abs() < 1e21;
    written.then(|| format!("{value}"))
}

fn canonical_scalar(node: &mut Node) -> Result<(), Unprintable> {
    let span = node.span;
    let fail = |why: String| Err(Unprintable { span, why });
    let Value::Scalar(text) = &node.value else { return Ok(()) };
    let kind = kind(node).unwrap_or(Kind::String);
    let plain = plain_kind(text);
    match kind {
        Kind::Int | Kind::Float | Kind::Bool | Kind::Null => {
            let accepted = plain == kind || kind == Kind::Float && plain == Kind::Int;
            if !accepted {
                let tag = match plain {
                    Kind::Bool => "bool",
                    Kind::Int => "int",
                    Kind::Float => "float",
                    Kind::Null => "null",
                    Kind::String => "str",
                    Kind::Timestamp => "timestamp",
                };
                let wanted = match kind {
                    Kind::Bool => "bool",
                    Kind::Int => "int",
                    Kind::Float => "float",
                    _ => "null",
                };
                return fail(format!("yaml: cannot decode !!{tag} `{text}` as a !!{wanted}"));
            }
            if let Scalar::Float(value) = resolve_plain(text)
                && !value.is_finite()
            {
                let name = if value.is_nan() {
                    "NaN"
                } else if value > 0.0 {
                    "+Inf"
                } else {
                    "-Inf"
                };
                return fail(format!("json: unsupported value: {name}"));
            }
            if let Scalar::Float(value) = resolve_plain(text)
                && let Some(whole) = whole(text, value)
            {
                node.value = Value::Scalar(whole.into());
            }
            node.tag = Tag::None;
            node.style = Style::Plain;
        }
        Kind::String => {
            if node.tag == Tag::Binary {
                let compact: String = text.chars().filter(|character| !character.is_whitespace()).collect();
                if let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(compact) {
                    node.value = Value::Scalar(String::from_utf8_lossy(&bytes).as_ref().into());
                }
            }
            if node.style == Style::Folded
                && let Some(text) = node.value_text().and_then(refolded)
            {
                node.value = Value::Scalar(text.into());
                node.style = Style::Literal;
            }
            if !matches!(node.tag, Tag::Unknown | Tag::Foreign) {
                node.tag = Tag::None;
                if node.style == Style::Plain {
                    node.style = Style::DoubleQuoted;
                }
            }
        }
        Kind::Timestamp => {
            node.value = Value::Scalar(timestamp(text).into());
            node.style = Style::DoubleQuoted;
        }
    }
    Ok(())
}

/// A number as Go's `strconv` writes it with the fewest digits (`'g'`, `-1`).
fn shortest(value: f64) -> String {
    // Rust's `{:e}` gives the fewest digits too.
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// A number as Go's `encoding/json` writes it.
fn in_json(value: f64) -> String {
    if value == 0.0 || (1e-6..1e21).contains(&value.abs()) {
        return format!("{value}");
    }
    let text = format!("{value:e}");
    if value.abs() < 1.0 { text } else { text.replace('e', "e+") }
}

/// Writes a node as kustomize has it after a JSON patch: every number is a float by then, and written as Go writes one.
/// Parts of the tree where nothing changes stay shared.
pub(super) fn through_floats(node: &mut Node) {
    #[allow(clippy::cast_precision_loss)] // That is the point.
    rewrite_scalars(node, &|node| {
        let value = match node.resolve()? {
            Scalar::Int(value) => value as f64,
            Scalar::UInt(value) => value as f64,
            Scalar::Float(value) if value.is_finite() => value,
            _ => return None,
        };
        Some(shortest(value))
    });
}

/// Writes a node as kustomize has it after going through JSON, as the items of a list do.
pub(super) fn through_json(node: &mut Node) {
    rewrite_scalars(node, &|node| node.is_null().then(|| "null".to_owned()));
    // What can't be printed fails later, with its place.
    let _ = canonical(node);
    rewrite_scalars(node, &|node| match node.resolve()? {
        Scalar::Bool(value) => Some(value.to_string()),
        Scalar::Int(value) => Some(value.to_string()),
        Scalar::UInt(value) => Some(value.to_string()),
        Scalar::Float(value) if value.is_finite() => Some(in_json(value)),
        _ => None,
    });
}

fn rewrite_scalars(node: &mut Node, text_of: &dyn Fn(&Node) -> Option<String>) {
    fn changes(node: &Node, text_of: &dyn Fn(&Node) -> Option<String>) -> bool {
        match &node.value {
            Value::Scalar(text) => text_of(node).is_some_and(|new| new != text.as_str()),
            Value::Sequence(items) => items.iter().any(|item| changes(item, text_of)),
            Value::Mapping(mapping) => mapping.iter().any(|entry| changes(&entry.value, text_of)),
        }
    }
    if !changes(node, text_of) {
        return;
    }
    match &node.value {
        Value::Scalar(_) => {
            if let Some(text) = text_of(node) {
                node.value = Value::Scalar(text.into());
            }
        }
        Value::Sequence(_) => {
            node.as_sequence_mut().into_iter().flatten().for_each(|item| rewrite_scalars(item, text_of));
        }
        Value::Mapping(_) => {
            let values = node.as_mapping_mut().into_iter().flat_map(|mapping| mapping.values_mut());
            values.for_each(|value| rewrite_scalars(value, text_of));
        }
    }
}

/// A YAML timestamp as Go prints a time in JSON.
fn timestamp(text: &str) -> String {
    let (date, time) = text.split_once(['T', 't', ' ']).unwrap_or((text, ""));
    let two = |part: &str| format!("{part:0>2}");
    let date: Vec<String> = date.split('-').map(two).collect();
    let (clock, zone) = match time.find(['Z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => (time, ""),
    };
    let clock = if clock.is_empty() { "0:0:0" } else { clock };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let clock: Vec<String> = clock.split(':').map(two).collect();
    let digits: String = fraction.chars().take(9).collect();
    let fraction = digits.trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    let zone = if matches!(zone, "" | "Z" | "+00:00" | "-00:00") { "Z" } else { zone };
    format!("{}T{}{dot}{fraction}{zone}", date.join("-"), clock.join(":"))
}

/// What a folded block becomes when kustomize writes it out and reads it again; `None` if it stays the same. Its emitter
/// breaks a line once more than it should, which shows before a line that is indented more.
fn refolded(text: &str) -> Option<String> {
    let indented = |line: &str| line.starts_with([' ', '\t']);
    if text.starts_with('\n') || !text.contains("\n ") && !text.contains("\n\t") && !text.ends_with("\n\n") {
        return None;
    }
    // Such a block is written in quotes, which are read back as they are.
    if text.contains(" \n") || text.ends_with(' ') {
        return None;
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        out.push_str(line);
        if line != "\n" {
            let mut blank = lines.clone();
            let next = blank.find(|line| *line != "\n");
            let extra = match next {
                Some(next) => indented(next),
                None => lines.peek().is_some(),
            };
            if line.ends_with('\n') && !indented(line) && extra {
                out.push('\n');
            }
        }
    }
    (out != text).then_some(out)
}
