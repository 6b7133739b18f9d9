//! How Go writes values: `fmt.Print`, `fmt.Sprintf`, JSON and YAML.

use std::fmt::Write as _;

use super::Failure;
use super::value::{Kind, Value};
use crate::source::{FileId, Span};
use crate::yaml;

/// Values that hold themselves have no end.
const MAX_DEPTH: usize = 100;

/// What an action prints.
pub(super) fn text(value: &Value) -> Result<String, Failure> {
    match &value.kind {
        Kind::Missing | Kind::Nil => Ok("<no value>".to_owned()),
        _ => plain(value),
    }
}

/// `fmt.Sprint` of one value: the verb `%v`.
pub(super) fn plain(value: &Value) -> Result<String, Failure> {
    let mut out = String::new();
    write(value, 0, &mut out)?;
    Ok(out)
}

fn write(value: &Value, depth: usize, out: &mut String) -> Result<(), Failure> {
    if depth > MAX_DEPTH {
        return Err(Failure::Error("the value holds itself".to_owned()));
    }
    match &value.kind {
        Kind::Unknown => return Err(Failure::Unknown),
        Kind::Map(map) if map.is_open() => return Err(Failure::Unknown),
        Kind::Missing | Kind::Nil => out.push_str("<nil>"),
        Kind::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Kind::Int(value) => drop(write!(out, "{value}")),
        Kind::Float(value) => out.push_str(&float(*value)),
        Kind::Text(text) => out.push_str(text),
        Kind::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { " " } else { "" });
                write(item, depth + 1, out)?;
            }
            out.push(']');
        }
        Kind::Map(map) => {
            out.push_str("map[");
            for (at, (key, value)) in map.entries().iter().enumerate() {
                let _ = write!(out, "{}{key}:", if at > 0 { " " } else { "" });
                write(value, depth + 1, out)?;
            }
            out.push(']');
        }
    }
    Ok(())
}

/// A float as `%v` writes it, which is `strconv.FormatFloat(value, 'g', -1, 64)`: with an exponent from a million on, and
/// below a ten thousandth.
pub(super) fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let size = value.abs();
    if size == 0.0 || (1e-4..1e6).contains(&size) { format!("{value}") } else { exponent(value) }
}

/// A float as JSON writes it: with an exponent from 1e21 on.
pub(super) fn json_float(value: f64) -> String {
    if !value.is_finite() {
        return "null".to_owned();
    }
    let size = value.abs();
    match size == 0.0 || (1e-6..1e21).contains(&size) {
        true => format!("{value}"),
        false => exponent(value).replace("e-0", "e-").replace("e+0", "e+"),
    }
}

fn exponent(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (mantissa, power) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let power: i32 = power.parse().unwrap_or_default();
    format!("{mantissa}e{}{:02}", if power < 0 { '-' } else { '+' }, power.abs())
}

/// `fmt.Sprint`: with a blank between two values that are no texts.
pub(super) fn joined(values: &[Value]) -> Result<String, Failure> {
    let mut out = String::new();
    let mut after_text = true;
    for value in values {
        let is_text = matches!(value.kind, Kind::Text(_));
        if !after_text && !is_text {
            out.push(' ');
        }
        out.push_str(&plain(value)?);
        after_text = is_text;
    }
    Ok(out)
}

/// `fmt.Sprintf`.
pub(super) fn formatted(format: &str, values: &[Value]) -> Result<String, Failure> {
    let mut out = String::new();
    let mut values = values.iter();
    let mut characters = format.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        let mut flags = String::new();
        while let Some(flag) = characters.next_if(|next| "+-# 0".contains(*next)) {
            flags.push(flag);
        }
        let number = |characters: &mut std::iter::Peekable<std::str::Chars<'_>>| {
            let mut digits = String::new();
            while let Some(digit) = characters.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            digits.parse::<usize>().ok().map(|width| width.min(10_000))
        };
        let width = number(&mut characters);
        let precision = characters.next_if_eq(&'.').map(|_| number(&mut characters).unwrap_or(0));
        let Some(verb) = characters.next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        if verb == '%' {
            out.push('%');
            continue;
        }
        let Some(value) = values.next() else {
            let _ = write!(out, "%!{verb}(MISSING)");
            continue;
        };
        let text = one(verb, &flags, precision, value)?;
        let missing = width.unwrap_or(0).saturating_sub(text.chars().count());
        let is_number = matches!(value.kind, Kind::Int(_) | Kind::Float(_)) && verb != 's' && verb != 'v';
        match () {
            () if flags.contains('-') => drop(write!(out, "{text}{}", " ".repeat(missing))),
            () if flags.contains('0') && is_number => {
                let (sign, digits) = text.split_at(usize::from(text.starts_with(['-', '+'])));
                let _ = write!(out, "{sign}{}{digits}", "0".repeat(missing));
            }
            () => drop(write!(out, "{}{text}", " ".repeat(missing))),
        }
    }
    let extra: Vec<&Value> = values.collect();
    if !extra.is_empty() {
        out.push_str("%!(EXTRA ");
        for (at, value) in extra.into_iter().enumerate() {
            let _ = write!(out, "{}{}={}", if at > 0 { ", " } else { "" }, value.type_name(), plain(value)?);
        }
        out.push(')');
    }
    Ok(out)
}

fn one(verb: char, flags: &str, precision: Option<usize>, value: &Value) -> Result<String, Failure> {
    let cut = |text: &str| match precision {
        Some(count) => text.chars().take(count).collect(),
        None => text.to_owned(),
    };
    let plus = |text: String| if flags.contains('+') && !text.starts_with('-') { format!("+{text}") } else { text };
    let wrong = || Ok(format!("%!{verb}({}={})", value.type_name(), plain(value)?));
    Ok(match (verb, &value.kind) {
        (_, Kind::Unknown) => return Err(Failure::Unknown),
        ('s' | 'q' | 'd' | 'f' | 'x', Kind::Nil | Kind::Missing) => format!("%!{verb}(<nil>)"),
        ('v', Kind::Int(_) | Kind::Float(_)) => plus(plain(value)?),
        ('v', _) => plain(value)?,
        ('s', Kind::Text(text)) => cut(text),
        ('s', Kind::List(_) | Kind::Map(_)) => plain(value)?,
        ('q', Kind::Text(text)) => quoted(&cut(text)),
        ('d', Kind::Int(value)) => plus(value.to_string()),
        ('x', Kind::Int(value)) => format!("{value:x}"),
        ('X', Kind::Int(value)) => format!("{value:X}"),
        ('o', Kind::Int(value)) => format!("{value:o}"),
        ('b', Kind::Int(value)) => format!("{value:b}"),
        ('c', Kind::Int(value)) => {
            u32::try_from(*value).ok().and_then(char::from_u32).unwrap_or('\u{fffd}').to_string()
        }
        ('x', Kind::Text(text)) => text.bytes().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        }),
        ('f' | 'F', Kind::Float(value)) => plus(format!("{value:.*}", precision.unwrap_or(6))),
        ('e', Kind::Float(value)) => {
            let scientific = format!("{value:.*e}", precision.unwrap_or(6));
            let (mantissa, power) = scientific.split_once('e').unwrap_or((&scientific, "0"));
            let power: i32 = power.parse().unwrap_or_default();
            plus(format!("{mantissa}e{}{:02}", if power < 0 { '-' } else { '+' }, power.abs()))
        }
        ('g', Kind::Float(value)) => plus(float(*value)),
        ('t', Kind::Bool(value)) => value.to_string(),
        ('T', _) => value.type_name().to_owned(),
        _ => return wrong(),
    })
}

/// `strconv.Quote`.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            control if control.is_control() => drop(write!(out, "\\x{:02x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// JSON as `json.Marshal` writes it, with HTML's special letters escaped unless `raw`.
pub(super) fn json(value: &Value, raw: bool) -> Result<String, Failure> {
    let mut out = String::new();
    write_json(value, raw, 0, &mut out)?;
    Ok(out)
}

fn write_json(value: &Value, raw: bool, depth: usize, out: &mut String) -> Result<(), Failure> {
    if depth > MAX_DEPTH {
        return Err(Failure::Error("json: unsupported value: the value holds itself".to_owned()));
    }
    match &value.kind {
        Kind::Unknown => return Err(Failure::Unknown),
        Kind::Map(map) if map.is_open() => return Err(Failure::Unknown),
        Kind::Missing | Kind::Nil => out.push_str("null"),
        Kind::Float(value) => out.push_str(&json_float(*value)),
        Kind::Bool(_) | Kind::Int(_) => write(value, depth, out)?,
        Kind::Text(text) => json_text(text, raw, out),
        Kind::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write_json(item, raw, depth + 1, out)?;
            }
            out.push(']');
        }
        Kind::Map(map) => {
            out.push('{');
            for (at, (key, value)) in map.entries().iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                json_text(key, raw, out);
                out.push(':');
                write_json(value, raw, depth + 1, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn json_text(text: &str, raw: bool, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' if !raw => drop(write!(out, "\\u{:04x}", u32::from(character))),
            '\u{2028}' | '\u{2029}' => drop(write!(out, "\\u{:04x}", u32::from(character))),
            control if control < ' ' => drop(write!(out, "\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

/// YAML as `sigs.k8s.io/yaml` writes it, without the line break at its end.
///
/// # Errors
/// The value is not known as a whole.
pub fn to_yaml(value: &Value) -> Result<String, Failure> {
    let node = value.to_node(Span::start_of(FileId(0)))?;
    Ok(yaml::encode(&node).trim_end_matches('\n').to_owned())
}
