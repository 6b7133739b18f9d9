//! The functions that every Go template has. `and` and `or` are the evaluation's matter, since they stop early.

use std::cmp::Ordering;

use super::print;
use super::value::{Kind, Value};
use super::{Failure, Library};

/// Go's own functions.
#[derive(Clone, Copy, Debug)]
pub struct Builtins;

const NAMES: [&str; 18] = [
    "and", "or", "not", "len", "index", "slice", "print", "printf", "println", "html", "js", "urlquery", "eq", "ne",
    "lt", "le", "gt", "ge",
];

/// Whether Go itself has a function of this name. `call` is left out: JSON holds no functions.
pub fn is_builtin(name: &str) -> bool {
    NAMES.contains(&name)
}

fn error<T>(message: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Error(message.into()))
}

impl Library for Builtins {
    fn has(&self, name: &str) -> bool {
        is_builtin(name)
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, Failure> {
        let truth = |value: bool| Ok(Kind::Bool(value).into());
        match (name, arguments) {
            ("not", [value]) => truth(!value.is_true()),
            ("len", [value]) => length(value),
            ("index", [value, keys @ ..]) => keys.iter().try_fold(value.clone(), |value, key| item(&value, key)),
            ("slice", [value, bounds @ ..]) => slice(value, bounds),
            ("print", values) => print::joined(values).map(Value::text),
            ("println", values) => {
                let texts: Result<Vec<String>, Failure> = values.iter().map(print::plain).collect();
                Ok(Value::text(texts?.join(" ") + "\n"))
            }
            ("printf", [format, values @ ..]) => match &format.kind {
                Kind::Text(format) => print::formatted(format, values).map(Value::text),
                _ => error("wrong type for value; expected string"),
            },
            ("html", values) => Ok(Value::text(escaped(&print::joined(values)?))),
            // What they do to special letters is seldom asked for in YAML.
            ("js" | "urlquery", values) => match print::joined(values)? {
                text if text.bytes().all(|byte| byte.is_ascii_alphanumeric()) => Ok(Value::text(text)),
                _ => Err(Failure::Unknown),
            },
            ("eq", [first, others @ ..]) if !others.is_empty() => {
                for other in others {
                    if equal(first, other)? {
                        return truth(true);
                    }
                }
                truth(false)
            }
            ("ne", [a, b]) => truth(!equal(a, b)?),
            ("lt", [a, b]) => truth(order(a, b)? == Some(Ordering::Less)),
            ("le", [a, b]) => truth(matches!(order(a, b)?, Some(Ordering::Less | Ordering::Equal))),
            ("gt", [a, b]) => truth(order(a, b)? == Some(Ordering::Greater)),
            ("ge", [a, b]) => truth(matches!(order(a, b)?, Some(Ordering::Greater | Ordering::Equal))),
            _ => error(format!("wrong number of args for {name}: got {}", arguments.len())),
        }
    }
}

fn length(value: &Value) -> Result<Value, Failure> {
    let length = match &value.kind {
        Kind::Text(text) => text.len(),
        Kind::List(items) => items.len(),
        Kind::Map(map) if map.is_open() => return Err(Failure::Unknown),
        Kind::Map(map) => map.len(),
        Kind::Missing | Kind::Nil => return error("len of nil pointer"),
        _ => return error(format!("len of type {}", value.type_name())),
    };
    Ok(Kind::Int(i64::try_from(length).unwrap_or(i64::MAX)).into())
}

fn item(value: &Value, key: &Value) -> Result<Value, Failure> {
    match (&value.kind, &key.kind) {
        (Kind::Unknown, _) => Err(Failure::Unknown),
        (Kind::Map(map), Kind::Text(key)) => Ok(map.get(key).unwrap_or(Kind::Nil.into())),
        (Kind::Map(_), _) => error(format!("value has type {}; should be string", key.type_name())),
        (Kind::List(items), Kind::Int(at)) => match usize::try_from(*at).ok().and_then(|at| items.get(at)) {
            Some(item) => Ok(item.clone()),
            None => error(format!("index out of range: {at}")),
        },
        (Kind::Text(text), Kind::Int(at)) => match usize::try_from(*at).ok().and_then(|at| text.as_bytes().get(at)) {
            Some(byte) => Ok(Kind::Int(i64::from(*byte)).into()),
            None => error(format!("index out of range: {at}")),
        },
        (Kind::List(_) | Kind::Text(_), _) => error(format!("cannot index slice/array with type {}", key.type_name())),
        (Kind::Missing | Kind::Nil, _) => error("index of untyped nil"),
        _ => error(format!("can't index item of type {}", value.type_name())),
    }
}

fn slice(value: &Value, bounds: &[Value]) -> Result<Value, Failure> {
    let length = match &value.kind {
        Kind::Text(text) => text.len(),
        Kind::List(items) => items.len(),
        _ => return error(format!("can't slice item of type {}", value.type_name())),
    };
    let bound = |at: usize, default: usize| match bounds.get(at).map(|bound| &bound.kind) {
        None => Ok(default),
        Some(Kind::Int(bound)) => match usize::try_from(*bound).ok().filter(|bound| *bound <= length) {
            Some(bound) => Ok(bound),
            None => error(format!("index out of range: {bound}")),
        },
        Some(_) => error("cannot index slice/array with this type"),
    };
    let range = bound(0, 0)?..bound(1, length)?;
    match &value.kind {
        Kind::Text(text) => match text.get(range) {
            Some(part) => Ok(Value::text(part)),
            None => error("invalid slice index"),
        },
        Kind::List(items) => match items.get(range) {
            Some(part) => Ok(Value::list(part.to_vec())),
            None => error("invalid slice index"),
        },
        _ => Err(Failure::Unknown),
    }
}

fn equal(a: &Value, b: &Value) -> Result<bool, Failure> {
    match (&a.kind, &b.kind) {
        (Kind::Unknown, _) | (_, Kind::Unknown) => Err(Failure::Unknown),
        (Kind::Missing | Kind::Nil, Kind::Missing | Kind::Nil) => Ok(true),
        (Kind::Missing | Kind::Nil, _) | (_, Kind::Missing | Kind::Nil) => Ok(false),
        (Kind::Bool(a), Kind::Bool(b)) => Ok(a == b),
        (Kind::Int(a), Kind::Int(b)) => Ok(a == b),
        #[allow(clippy::float_cmp, reason = "Go compares floats so")]
        (Kind::Float(a), Kind::Float(b)) => Ok(a == b),
        (Kind::Text(a), Kind::Text(b)) => Ok(a == b),
        (Kind::List(_) | Kind::Map(_), _) | (_, Kind::List(_) | Kind::Map(_)) => {
            error("incompatible types for comparison")
        }
        _ => error("incompatible types for comparison"),
    }
}

fn order(a: &Value, b: &Value) -> Result<Option<Ordering>, Failure> {
    match (&a.kind, &b.kind) {
        (Kind::Int(a), Kind::Int(b)) => Ok(Some(a.cmp(b))),
        (Kind::Float(a), Kind::Float(b)) => Ok(a.partial_cmp(b)),
        (Kind::Text(a), Kind::Text(b)) => Ok(Some(a.cmp(b))),
        (Kind::Int(_) | Kind::Float(_) | Kind::Text(_), Kind::Int(_) | Kind::Float(_) | Kind::Text(_)) => {
            error("incompatible types for comparison")
        }
        _ => error("invalid type for comparison"),
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\0' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}
