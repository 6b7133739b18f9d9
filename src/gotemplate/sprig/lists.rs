//! Lists.

use super::{Function, as_int, as_text, error, list_of, one, text_of, truth, wrong_count};
use crate::gotemplate::value::{Kind, Value};
use crate::gotemplate::{Failure, print};

/// Longer lists are made by hostile templates only.
const MAX_ITEMS: i64 = 100_000;

pub(super) fn functions() -> Vec<(&'static str, Function)> {
    let must: [(&str, &str, Function); 11] = [
        ("first", "mustFirst", |arguments| one(arguments, |list| end(list, true))),
        ("last", "mustLast", |arguments| one(arguments, |list| end(list, false))),
        ("rest", "mustRest", |arguments| one(arguments, |list| part(list, 1, 0))),
        ("initial", "mustInitial", |arguments| one(arguments, |list| part(list, 0, 1))),
        ("append", "mustAppend", |arguments| match arguments {
            [list, item] => Ok(Value::list(list_of(list)?.iter().chain([item]).cloned().collect())),
            _ => wrong_count(arguments),
        }),
        ("prepend", "mustPrepend", |arguments| match arguments {
            [list, item] => Ok(Value::list([item].into_iter().chain(list_of(list)?).cloned().collect())),
            _ => wrong_count(arguments),
        }),
        ("reverse", "mustReverse", |arguments| {
            one(arguments, |list| Ok(Value::list(list_of(list)?.iter().rev().cloned().collect())))
        }),
        ("uniq", "mustUniq", |arguments| one(arguments, unique)),
        ("without", "mustWithout", |arguments| match arguments {
            [list, leave_out @ ..] => {
                let mut left = Vec::new();
                for item in list_of(list)? {
                    if !holds(leave_out, item)? {
                        left.push(item.clone());
                    }
                }
                Ok(Value::list(left))
            }
            [] => wrong_count(arguments),
        }),
        ("has", "mustHas", |arguments| match arguments {
            [_, Value { kind: Kind::Nil | Kind::Missing, .. }] => truth(false),
            [item, list] => truth(holds(list_of(list)?, item)?),
            _ => wrong_count(arguments),
        }),
        ("compact", "mustCompact", |arguments| {
            one(arguments, |list| {
                Ok(Value::list(list_of(list)?.iter().filter(|item| item.is_true()).cloned().collect()))
            })
        }),
    ];
    let mut all: Vec<(&'static str, Function)> = Vec::new();
    for (name, must, function) in must {
        all.extend([(name, function), (must, function)]);
    }
    let others: [(&str, Function); 6] = [
        ("list", |arguments| Ok(Value::list(arguments.to_vec()))),
        ("concat", |arguments| {
            let mut items = Vec::new();
            for list in arguments {
                items.extend_from_slice(list_of(list)?);
            }
            Ok(Value::list(items))
        }),
        ("sortAlpha", |arguments| {
            one(arguments, |list| {
                let texts: Result<Vec<String>, _> = list_of(list)?.iter().map(as_text).collect();
                let mut texts = texts?;
                texts.sort();
                Ok(Value::list(texts.into_iter().map(Value::text).collect()))
            })
        }),
        ("toStrings", |arguments| {
            one(arguments, |list| {
                let texts: Result<Vec<Value>, _> =
                    list_of(list)?.iter().map(|item| as_text(item).map(Value::text)).collect();
                Ok(Value::list(texts?))
            })
        }),
        ("until", |arguments| match arguments {
            [count] => steps(0, as_int(count), 1),
            _ => wrong_count(arguments),
        }),
        ("untilStep", |arguments| match arguments {
            [start, stop, step] => steps(as_int(start), as_int(stop), as_int(step)),
            _ => wrong_count(arguments),
        }),
    ];
    all.extend(others);
    all.push(("splitn", |arguments| match arguments {
        [separator, count, text] => {
            let count = usize::try_from(as_int(count)).unwrap_or_default();
            let parts = text_of(text)?.splitn(count, text_of(separator)?).enumerate();
            Ok(Kind::Map(parts.map(|(at, part)| (format!("_{at}").into(), Value::text(part))).collect()).into())
        }
        _ => wrong_count(arguments),
    }));
    all
}

fn end(list: &Value, first: bool) -> Result<Value, Failure> {
    let items = list_of(list)?;
    let item = if first { items.first() } else { items.last() };
    Ok(item.cloned().unwrap_or(Kind::Nil.into()))
}

fn part(list: &Value, skip: usize, leave: usize) -> Result<Value, Failure> {
    let items = list_of(list)?;
    let count = items.len().saturating_sub(skip + leave);
    Ok(Value::list(items.iter().skip(skip).take(count).cloned().collect()))
}

fn holds(list: &[Value], item: &Value) -> Result<bool, Failure> {
    let wanted = print::json(item, true)?;
    for other in list {
        if print::json(other, true)? == wanted {
            return Ok(true);
        }
    }
    Ok(false)
}

fn unique(list: &Value) -> Result<Value, Failure> {
    let mut seen = std::collections::BTreeSet::new();
    let mut items = Vec::new();
    for item in list_of(list)? {
        if seen.insert(print::json(item, true)?) {
            items.push(item.clone());
        }
    }
    Ok(Value::list(items))
}

fn steps(start: i64, stop: i64, step: i64) -> Result<Value, Failure> {
    if step == 0 || (stop < start) == (step > 0) && stop != start {
        return if step == 0 { error("the step is zero") } else { Ok(Value::list(Vec::new())) };
    }
    let count = stop.abs_diff(start).div_ceil(step.unsigned_abs());
    let Some(count) = i64::try_from(count).ok().filter(|count| *count <= MAX_ITEMS) else {
        return Err(Failure::Unknown);
    };
    Ok(Value::list((0..count).map(|at| Kind::Int(start + at * step).into()).collect()))
}
