//! Maps.

use super::{Function, as_text, error, list_of, map_of, one, text_of, truth, wrong_count};
use crate::gotemplate::Failure;
use crate::gotemplate::value::{Kind, Map, Value};

/// Values that `set` has put into themselves have no end.
const MAX_DEPTH: usize = 100;

pub(super) fn functions() -> Vec<(&'static str, Function)> {
    vec![
        ("dict", |arguments| {
            let map = Map::default();
            for pair in arguments.chunks(2) {
                let [key, rest @ ..] = pair else { continue };
                map.insert(as_text(key)?, rest.first().cloned().unwrap_or(Value::text("")));
            }
            Ok(Kind::Map(map).into())
        }),
        ("get", |arguments| match arguments {
            [map, key] => Ok(map_of(map)?.get(text_of(key)?).unwrap_or(Value::text(""))),
            _ => wrong_count(arguments),
        }),
        ("set", |arguments| match arguments {
            [map, key, value] => {
                map_of(map)?.insert(text_of(key)?, value.clone());
                Ok(map.clone())
            }
            _ => wrong_count(arguments),
        }),
        ("unset", |arguments| match arguments {
            [map, key] => {
                map_of(map)?.remove(text_of(key)?);
                Ok(map.clone())
            }
            _ => wrong_count(arguments),
        }),
        ("hasKey", |arguments| match arguments {
            [map, key] => match (map_of(map)?.is_open(), map_of(map)?.get(text_of(key)?)) {
                (true, Some(Value { kind: Kind::Unknown, .. })) => Err(Failure::Unknown),
                (_, found) => truth(found.is_some()),
            },
            _ => wrong_count(arguments),
        }),
        ("keys", |arguments| {
            let mut keys = Vec::new();
            for map in arguments {
                keys.extend(whole_map(map)?.entries().into_iter().map(|(key, _)| Value::text(key)));
            }
            // Go gives them in no order; sorted they are what everybody sorts them to.
            Ok(Value::list(keys))
        }),
        ("values", |arguments| {
            one(arguments, |map| {
                let values: Vec<Value> = whole_map(map)?.entries().into_iter().map(|(_, value)| value).collect();
                if values.len() > 1 { Err(Failure::Unknown) } else { Ok(Value::list(values)) }
            })
        }),
        ("pick", |arguments| chosen(arguments, true)),
        ("omit", |arguments| chosen(arguments, false)),
        ("pluck", |arguments| match arguments {
            [key, maps @ ..] => {
                let mut found = Vec::new();
                for map in maps {
                    found.extend(map_of(map)?.get(text_of(key)?));
                }
                Ok(Value::list(found))
            }
            [] => wrong_count(arguments),
        }),
        ("dig", |arguments| {
            let [keys @ .., default, map] = arguments else { return wrong_count(arguments) };
            let mut value = map.clone();
            for key in keys {
                value = match &value.kind {
                    Kind::Unknown => return Err(Failure::Unknown),
                    Kind::Map(map) => match map.get(text_of(key)?) {
                        Some(found) => found,
                        None => return Ok(default.clone()),
                    },
                    _ => return error("interface conversion: interface {} is not map[string]interface {}"),
                };
            }
            Ok(value)
        }),
        ("merge", |arguments| merged(arguments, false)),
        ("mustMerge", |arguments| merged(arguments, false)),
        ("mergeOverwrite", |arguments| merged(arguments, true)),
        ("mustMergeOverwrite", |arguments| merged(arguments, true)),
        ("deepCopy", |arguments| one(arguments, |value| copied(value, 0))),
        ("mustDeepCopy", |arguments| one(arguments, |value| copied(value, 0))),
    ]
}

/// A map of which every key is known.
fn whole_map(value: &Value) -> Result<&Map, Failure> {
    map_of(value).and_then(|map| if map.is_open() { Err(Failure::Unknown) } else { Ok(map) })
}

fn chosen(arguments: &[Value], keep: bool) -> Result<Value, Failure> {
    let [map, keys @ ..] = arguments else { return wrong_count(arguments) };
    let mut named = Vec::new();
    for key in keys {
        match &key.kind {
            Kind::List(_) => {
                for key in list_of(key)? {
                    named.push(text_of(key)?.to_owned());
                }
            }
            _ => named.push(text_of(key)?.to_owned()),
        }
    }
    let entries = whole_map(map)?.entries().into_iter();
    let map: Map = entries.filter(|(key, _)| named.iter().any(|name| key == name) == keep).collect();
    Ok(Kind::Map(map).into())
}

/// Changes the first map, as Sprig does.
fn merged(arguments: &[Value], overwrite: bool) -> Result<Value, Failure> {
    let [first, others @ ..] = arguments else { return wrong_count(arguments) };
    for other in others {
        merge_into(whole_map(first)?, whole_map(other)?, overwrite, 0)?;
    }
    Ok(first.clone())
}

/// `mergo.Merge`: what is empty gives way, and never takes the place of something.
fn merge_into(map: &Map, other: &Map, overwrite: bool, depth: usize) -> Result<(), Failure> {
    if depth > MAX_DEPTH {
        return error("the value holds itself");
    }
    for (key, value) in other.entries() {
        match map.get(&key) {
            Some(Value { kind: Kind::Map(inner), .. }) if matches!(value.kind, Kind::Map(_)) => {
                merge_into(&inner, map_of(&value)?, overwrite, depth + 1)?;
            }
            Some(Value { kind: Kind::Unknown, .. }) => {}
            Some(known) if known.is_true() && !(overwrite && value.is_true()) => {}
            Some(_) if !value.is_true() => {}
            _ => map.insert(key, value),
        }
    }
    Ok(())
}

fn copied(value: &Value, depth: usize) -> Result<Value, Failure> {
    if depth > MAX_DEPTH {
        return error("the value holds itself");
    }
    let kind = match &value.kind {
        Kind::List(items) => {
            let items: Result<Vec<Value>, _> = items.iter().map(|item| copied(item, depth + 1)).collect();
            Value::list(items?).kind
        }
        Kind::Map(map) => {
            let mut entries = Vec::new();
            for (key, value) in map.entries() {
                entries.push((key, copied(&value, depth + 1)?));
            }
            Kind::Map(entries.into_iter().collect())
        }
        other => other.clone(),
    };
    Ok(Value { kind, origin: value.origin })
}
