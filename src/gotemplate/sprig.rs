//! The functions of Sprig, as far as they need neither clock, chance, network nor keys; the others are known by name, and
//! what they give is unknown.

mod lists;
mod maps;
mod texts;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::print;
use super::value::{Kind, Map, Value};
use super::{Failure, Library};

/// Sprig.
#[derive(Clone, Copy, Debug)]
pub struct Sprig;

type Function = fn(&[Value]) -> Result<Value, Failure>;

/// Functions that are there, but whose result is not known offline or that nobody's declarations were seen to use.
const UNKNOWN: &str = "\
    abbrev abbrevboth addf add1f adler32sum ago atoi bcrypt biggest buildCustomCert camelcase ceil chunk date \
    dateInZone dateModify date_in_zone date_modify decryptAES derivePassword divf duration durationRound \
    encryptAES env expandenv floor genCA genCAWithKey genPrivateKey genSelfSignedCert genSelfSignedCertWithKey \
    genSignedCert genSignedCertWithKey getHostByName hello htmlDate htmlDateInZone htpasswd initials kebabcase \
    maxf minf mulf mustChunk mustDateModify mustRegexFind mustRegexFindAll mustRegexMatch mustRegexReplaceAll \
    mustRegexReplaceAllLiteral mustRegexSplit mustSlice mustToDate mustToPrettyJson must_date_modify nospace \
    now osBase osClean osDir osExt osIsAbs plural randAlpha randAlphaNum randAscii randBytes randInt \
    randNumeric regexFindAll regexQuoteMeta regexSplit round semver semverCompare seq sha1sum shuffle snakecase \
    subf swapcase toDate toPrettyJson unixEpoch untitle urlJoin urlParse uuidv4 wrap wrapWith b32enc b32dec \
    clean typeIsLike";

static FUNCTIONS: LazyLock<BTreeMap<&'static str, Function>> = LazyLock::new(|| {
    let mut all: BTreeMap<&'static str, Function> = BTreeMap::new();
    all.extend(general());
    all.extend(texts::functions());
    all.extend(lists::functions());
    all.extend(maps::functions());
    all
});

impl Library for Sprig {
    fn has(&self, name: &str) -> bool {
        FUNCTIONS.contains_key(name) || UNKNOWN.split_ascii_whitespace().any(|known| known == name)
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, Failure> {
        FUNCTIONS.get(name).map_or(Err(Failure::Unknown), |function| function(arguments))
    }
}

fn error<T>(message: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Error(message.into()))
}

fn wrong_count<T>(arguments: &[Value]) -> Result<T, Failure> {
    error(format!("wrong number of args: got {}", arguments.len()))
}

/// An argument that must be a text.
fn text_of(value: &Value) -> Result<&str, Failure> {
    match &value.kind {
        Kind::Text(text) => Ok(text),
        Kind::Unknown => Err(Failure::Unknown),
        Kind::Missing | Kind::Nil => error("invalid value; expected string"),
        _ => error(format!("wrong type for value; expected string; got {}", value.type_name())),
    }
}

/// An argument that must be a map.
fn map_of(value: &Value) -> Result<&Map, Failure> {
    match &value.kind {
        Kind::Map(map) => Ok(map),
        Kind::Unknown => Err(Failure::Unknown),
        _ => error(format!("wrong type for value; expected map[string]interface {{}}; got {}", value.type_name())),
    }
}

/// An argument that must be a list.
fn list_of(value: &Value) -> Result<&[Value], Failure> {
    match &value.kind {
        Kind::List(items) => Ok(items),
        Kind::Unknown => Err(Failure::Unknown),
        _ => error(format!("wrong type for value; expected []interface {{}}; got {}", value.type_name())),
    }
}

/// `strval`: any value as a text.
fn as_text(value: &Value) -> Result<String, Failure> {
    print::plain(value)
}

/// `toInt64`: a number from whatever holds one, else zero.
fn as_int(value: &Value) -> i64 {
    match &value.kind {
        Kind::Int(value) => *value,
        #[allow(clippy::cast_possible_truncation, reason = "Go cuts the fraction off too")]
        Kind::Float(value) => *value as i64,
        Kind::Bool(value) => i64::from(*value),
        Kind::Text(text) => text.parse().unwrap_or_default(),
        _ => 0,
    }
}

fn as_float(value: &Value) -> f64 {
    match &value.kind {
        Kind::Float(value) => *value,
        Kind::Text(text) => text.parse().unwrap_or_default(),
        #[allow(clippy::cast_precision_loss, reason = "Go loses it too")]
        _ => as_int(value) as f64,
    }
}

fn truth(value: bool) -> Result<Value, Failure> {
    Ok(Kind::Bool(value).into())
}

fn whole(value: i64) -> Result<Value, Failure> {
    Ok(Kind::Int(value).into())
}

/// Defaults, conversions, numbers, kinds.
fn general() -> Vec<(&'static str, Function)> {
    let mut all: Vec<(&'static str, Function)> = vec![
        ("default", |arguments| match arguments {
            [default] => Ok(default.clone()),
            [default, value, ..] => Ok(if value.is_true() { value.clone() } else { default.clone() }),
            [] => wrong_count(arguments),
        }),
        ("empty", |arguments| match arguments {
            [value] => truth(!value.is_true()),
            _ => wrong_count(arguments),
        }),
        ("coalesce", |arguments| {
            let found = arguments.iter().find(|value| value.is_true());
            Ok(found.cloned().unwrap_or(Kind::Nil.into()))
        }),
        ("all", |arguments| truth(arguments.iter().all(Value::is_true))),
        ("any", |arguments| truth(arguments.iter().any(Value::is_true))),
        ("ternary", |arguments| match arguments {
            [yes, no, Value { kind: Kind::Bool(value), .. }] => Ok(if *value { yes.clone() } else { no.clone() }),
            _ => error("wrong type for value; expected bool"),
        }),
        ("int", |arguments| whole(arguments.first().map(as_int).unwrap_or_default())),
        ("int64", |arguments| whole(arguments.first().map(as_int).unwrap_or_default())),
        ("float64", |arguments| Ok(Kind::Float(arguments.first().map(as_float).unwrap_or_default()).into())),
        ("fail", |arguments| match arguments {
            [message] => error(text_of(message)?),
            _ => wrong_count(arguments),
        }),
        ("toDecimal", |arguments| {
            let text = arguments.first().map(as_text).transpose()?.unwrap_or_default();
            whole(i64::from_str_radix(&text, 8).unwrap_or_default())
        }),
        ("add", |arguments| whole(arguments.iter().map(as_int).fold(0, i64::wrapping_add))),
        ("add1", |arguments| whole(arguments.iter().map(as_int).fold(1, i64::wrapping_add))),
        ("mul", |arguments| whole(arguments.iter().map(as_int).fold(1, i64::wrapping_mul))),
        ("sub", |arguments| two(arguments, |a, b| Some(a.wrapping_sub(b)))),
        ("div", |arguments| two(arguments, i64::checked_div)),
        ("mod", |arguments| two(arguments, i64::checked_rem)),
        ("max", |arguments| whole(arguments.iter().map(as_int).max().unwrap_or_default())),
        ("min", |arguments| whole(arguments.iter().map(as_int).min().unwrap_or_default())),
        ("kindOf", |arguments| Ok(Value::text(arguments.first().map(kind_of).unwrap_or_default()))),
        ("kindIs", |arguments| match arguments {
            [kind, value] => truth(kind_of(value) == text_of(kind)?),
            _ => wrong_count(arguments),
        }),
        ("typeOf", |arguments| Ok(Value::text(arguments.first().map(Value::type_name).unwrap_or_default()))),
        ("typeIs", |arguments| match arguments {
            [kind, value] => truth(value.type_name() == text_of(kind)?),
            _ => wrong_count(arguments),
        }),
        ("deepEqual", |arguments| match arguments {
            [a, b] => truth(print::json(a, true)? == print::json(b, true)?),
            _ => wrong_count(arguments),
        }),
        ("toJson", |arguments| one(arguments, |value| print::json(value, false).map(Value::text))),
        ("toRawJson", |arguments| one(arguments, |value| print::json(value, true).map(Value::text))),
        ("fromJson", |arguments| one(arguments, |value| from_text(text_of(value)?))),
    ];
    for (must, plain) in [("mustToJson", "toJson"), ("mustToRawJson", "toRawJson"), ("mustFromJson", "fromJson")] {
        let function = all.iter().find(|(name, _)| *name == plain).map(|(_, function)| *function);
        all.extend(function.map(|function| (must, function)));
    }
    all
}

fn one(arguments: &[Value], function: fn(&Value) -> Result<Value, Failure>) -> Result<Value, Failure> {
    match arguments {
        [value] => function(value),
        _ => wrong_count(arguments),
    }
}

fn two(arguments: &[Value], function: fn(i64, i64) -> Option<i64>) -> Result<Value, Failure> {
    match arguments {
        [a, b] => function(as_int(a), as_int(b)).map_or_else(|| error("integer divide by zero"), whole),
        _ => wrong_count(arguments),
    }
}

/// Reads YAML, of which JSON is a part.
pub(super) fn from_text(text: &str) -> Result<Value, Failure> {
    let stream = crate::yaml::parse(crate::source::FileId(0), text.as_bytes());
    if stream.problems.iter().any(|problem| problem.kind.loses_content()) {
        return error("the text is no YAML");
    }
    let root = stream.documents.first().and_then(|document| document.root.as_ref());
    let mut value = root.map_or(Kind::Nil.into(), Value::from);
    forget_places(&mut value);
    Ok(value)
}

/// What was parsed from a text that a template made lies in no file.
fn forget_places(value: &mut Value) {
    value.origin = None;
    match &mut value.kind {
        Kind::List(items) => {
            let mut own = items.to_vec();
            own.iter_mut().for_each(forget_places);
            *value = Value::list(own);
        }
        Kind::Map(map) => {
            for (key, mut inner) in map.entries() {
                forget_places(&mut inner);
                map.insert(key, inner);
            }
        }
        _ => {}
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value.kind {
        Kind::Missing | Kind::Nil | Kind::Unknown => "invalid",
        Kind::Bool(_) => "bool",
        Kind::Int(_) => "int",
        Kind::Float(_) => "float64",
        Kind::Text(_) => "string",
        Kind::List(_) => "slice",
        Kind::Map(_) => "map",
    }
}
