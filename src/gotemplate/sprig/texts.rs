//! Texts, encodings, paths, digests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256, Sha512};

use super::{Function, as_int, as_text, error, list_of, one, text_of, truth, wrong_count};
use crate::gotemplate::print;
use crate::gotemplate::value::{Kind, Map, Value};
use crate::gotemplate::{Failure, to_yaml};

/// Texts longer than this are made by hostile templates only.
const MAX_LENGTH: usize = 4 << 20;

pub(super) fn functions() -> Vec<(&'static str, Function)> {
    vec![
        ("lower", |arguments| changed(arguments, str::to_lowercase)),
        ("upper", |arguments| changed(arguments, str::to_uppercase)),
        ("title", |arguments| changed(arguments, title)),
        ("trim", |arguments| changed(arguments, |text| text.trim().to_owned())),
        ("trimall", |arguments| pair(arguments, trim_all)),
        ("trimAll", |arguments| pair(arguments, trim_all)),
        ("trimPrefix", |arguments| pair(arguments, |cut, text| text.strip_prefix(cut).unwrap_or(text).to_owned())),
        ("trimSuffix", |arguments| pair(arguments, |cut, text| text.strip_suffix(cut).unwrap_or(text).to_owned())),
        ("contains", |arguments| asked(arguments, |part, text| text.contains(part))),
        ("hasPrefix", |arguments| asked(arguments, |part, text| text.starts_with(part))),
        ("hasSuffix", |arguments| asked(arguments, |part, text| text.ends_with(part))),
        ("replace", |arguments| match arguments {
            [old, new, text] => bounded(text_of(text)?.replace(text_of(old)?, text_of(new)?)),
            _ => wrong_count(arguments),
        }),
        ("repeat", |arguments| match arguments {
            [count, text] => {
                let (count, text) = (usize::try_from(as_int(count)).unwrap_or_default(), text_of(text)?);
                if count.saturating_mul(text.len()) > MAX_LENGTH {
                    return Err(Failure::Unknown);
                }
                Ok(Value::text(text.repeat(count)))
            }
            _ => wrong_count(arguments),
        }),
        ("trunc", |arguments| match arguments {
            [count, text] => Ok(Value::text(truncated(as_int(count), text_of(text)?))),
            _ => wrong_count(arguments),
        }),
        ("substr", |arguments| match arguments {
            [start, end, text] => {
                let (text, place) = (text_of(text)?, |value: &Value| usize::try_from(as_int(value)).ok());
                let end = place(end).filter(|end| *end <= text.len()).unwrap_or(text.len());
                let part = text.get(place(start).unwrap_or(0)..end);
                part.map_or(Err(Failure::Unknown), |part| Ok(Value::text(part)))
            }
            _ => wrong_count(arguments),
        }),
        ("quote", |arguments| each(arguments, |text| print::quoted(&text))),
        ("squote", |arguments| each(arguments, |text| format!("'{text}'"))),
        ("cat", |arguments| {
            let texts: Result<Vec<String>, _> = given(arguments).map(as_text).collect();
            Ok(Value::text(texts?.join(" ")))
        }),
        ("indent", |arguments| indented(arguments, "")),
        ("nindent", |arguments| indented(arguments, "\n")),
        ("toString", |arguments| one(arguments, |value| as_text(value).map(Value::text))),
        ("split", |arguments| match arguments {
            [separator, text] => {
                let parts = text_of(text)?.split(text_of(separator)?).enumerate();
                let map: Map = parts.map(|(at, part)| (format!("_{at}").into(), Value::text(part))).collect();
                Ok(Kind::Map(map).into())
            }
            _ => wrong_count(arguments),
        }),
        ("splitList", |arguments| match arguments {
            [separator, text] => Ok(Value::list(text_of(text)?.split(text_of(separator)?).map(Value::text).collect())),
            _ => wrong_count(arguments),
        }),
        ("join", |arguments| match arguments {
            [separator, list] => {
                let items = match &list.kind {
                    Kind::List(_) => list_of(list)?,
                    _ => std::slice::from_ref(list),
                };
                let texts: Result<Vec<String>, _> = given(items).map(as_text).collect();
                bounded(texts?.join(text_of(separator)?))
            }
            _ => wrong_count(arguments),
        }),
        ("sha256sum", |arguments| changed(arguments, |text| hex(&Sha256::digest(text)))),
        ("sha512sum", |arguments| changed(arguments, |text| hex(&Sha512::digest(text)))),
        ("b64enc", |arguments| changed(arguments, |text| STANDARD.encode(text))),
        ("b64dec", |arguments| {
            one(arguments, |text| match STANDARD.decode(text_of(text)?).map(String::from_utf8) {
                Ok(Ok(text)) => Ok(Value::text(text)),
                Ok(Err(_)) => Err(Failure::Unknown),
                Err(why) => Ok(Value::text(why.to_string())),
            })
        }),
        ("base", |arguments| changed(arguments, base)),
        ("dir", |arguments| changed(arguments, dir)),
        ("ext", |arguments| {
            changed(arguments, |path| {
                let name = path.rsplit('/').next().unwrap_or_default();
                name.rfind('.').and_then(|dot| name.get(dot..)).unwrap_or_default().to_owned()
            })
        }),
        ("isAbs", |arguments| one(arguments, |path| truth(text_of(path)?.starts_with('/')))),
        ("tuple", |arguments| Ok(Value::list(arguments.to_vec()))),
        ("regexMatch", |arguments| match arguments {
            [pattern, text] => truth(pattern_of(pattern)?.is_match(text_of(text)?)),
            _ => wrong_count(arguments),
        }),
        ("regexFind", |arguments| match arguments {
            [pattern, text] => {
                let pattern = pattern_of(pattern)?;
                Ok(Value::text(pattern.find(text_of(text)?).map(|found| found.as_str()).unwrap_or_default()))
            }
            _ => wrong_count(arguments),
        }),
        ("regexReplaceAll", |arguments| match arguments {
            [pattern, text, by] => bounded(pattern_of(pattern)?.replace_all(text_of(text)?, text_of(by)?).into_owned()),
            _ => wrong_count(arguments),
        }),
        ("regexReplaceAllLiteral", |arguments| match arguments {
            [pattern, text, by] => {
                let by = regex::NoExpand(text_of(by)?);
                bounded(pattern_of(pattern)?.replace_all(text_of(text)?, by).into_owned())
            }
            _ => wrong_count(arguments),
        }),
        ("toYaml", |arguments| one(arguments, |value| to_yaml(value).map(Value::text))),
        ("fromYaml", |arguments| one(arguments, |value| super::from_text(text_of(value)?))),
        ("fromYamlArray", |arguments| one(arguments, |value| super::from_text(text_of(value)?))),
    ]
}

/// RE2, whose syntax is that of the crate but for rare escapes.
fn pattern_of(value: &Value) -> Result<regex::Regex, Failure> {
    regex::Regex::new(text_of(value)?).map_err(|_| Failure::Unknown)
}

fn changed(arguments: &[Value], change: fn(&str) -> String) -> Result<Value, Failure> {
    match arguments {
        [text] => bounded(change(text_of(text)?)),
        _ => wrong_count(arguments),
    }
}

fn pair(arguments: &[Value], change: fn(&str, &str) -> String) -> Result<Value, Failure> {
    match arguments {
        [first, text] => Ok(Value::text(change(text_of(first)?, text_of(text)?))),
        _ => wrong_count(arguments),
    }
}

fn asked(arguments: &[Value], answer: fn(&str, &str) -> bool) -> Result<Value, Failure> {
    match arguments {
        [part, text] => truth(answer(text_of(part)?, text_of(text)?)),
        _ => wrong_count(arguments),
    }
}

fn bounded(text: String) -> Result<Value, Failure> {
    if text.len() > MAX_LENGTH { Err(Failure::Unknown) } else { Ok(Value::text(text)) }
}

/// The values that are there: Sprig leaves nil out.
fn given(values: &[Value]) -> impl Iterator<Item = &Value> {
    values.iter().filter(|value| !matches!(value.kind, Kind::Nil | Kind::Missing))
}

fn each(arguments: &[Value], change: fn(String) -> String) -> Result<Value, Failure> {
    let texts: Result<Vec<String>, _> = given(arguments).map(|value| as_text(value).map(change)).collect();
    bounded(texts?.join(" "))
}

fn indented(arguments: &[Value], before: &str) -> Result<Value, Failure> {
    let [count, text] = arguments else { return wrong_count(arguments) };
    let text = text_of(text)?;
    let count = usize::try_from(as_int(count)).unwrap_or_default();
    let lines = text.matches('\n').count() + 1;
    if count.saturating_mul(lines) > MAX_LENGTH {
        return error("the indentation is too wide");
    }
    let pad = " ".repeat(count);
    bounded(format!("{before}{pad}{}", text.replace('\n', &format!("\n{pad}"))))
}

fn trim_all(cut: &str, text: &str) -> String {
    text.trim_matches(|character| cut.contains(character)).to_owned()
}

fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut start = true;
    for character in text.chars() {
        if start {
            out.extend(character.to_uppercase())
        } else {
            out.push(character)
        }
        start = !(character.is_alphanumeric() || character == '_' || character == '\'');
    }
    out
}

/// The first bytes, or with a negative count the last.
fn truncated(count: i64, text: &str) -> &str {
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    match count < 0 {
        true => text.len().checked_sub(size).and_then(|start| text.get(start..)).unwrap_or(text),
        false => text.get(..size).unwrap_or(text),
    }
}

fn base(path: &str) -> String {
    match path.trim_end_matches('/') {
        "" if path.is_empty() => ".".to_owned(),
        "" => "/".to_owned(),
        trimmed => trimmed.rsplit('/').next().unwrap_or_default().to_owned(),
    }
}

fn dir(path: &str) -> String {
    match path.rsplit_once('/') {
        None => ".".to_owned(),
        Some(("", _)) => "/".to_owned(),
        Some((directory, _)) => directory.trim_end_matches('/').to_owned(),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
