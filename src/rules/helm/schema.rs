//! The JSON schema that a chart brings for its values, and what it has against some.
//!
//! Helm compiles `values.schema.json` and gives it the merged values; so does this, with bounds: a schema that refers to
//! another file or site, that is too deep, or that would take too many steps on the values at hand, judges nothing.
//! Formats are not judged: which of them Helm knows depends on its release.

use foldhash::{HashMap, HashMapExt};
use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value};

use super::DEEPEST;
use crate::files::Files;
use crate::source::{FileId, RepoPath};
use crate::yaml::{Node, Scalar};

/// More levels of schemas in schemas than this, references followed, are not judged; every level costs stack.
const MOST_LEVELS: usize = 80;

/// More steps of a judgement than this are not taken.
const MOST_STEPS: usize = 200_000;

/// The largest a compiled regular expression may get, in bytes.
const MOST_EXPRESSION: usize = 1 << 20;

/// A chart's schema.
pub(super) struct Schema {
    /// Where it is written.
    pub(super) file: FileId,
    value: Value,
    validator: Validator,
}

impl Schema {
    /// Reads the schema of the chart in `directory`; `None` if there is none, or none that can be judged by.
    pub(super) fn of(files: &Files, directory: &RepoPath) -> Option<Self> {
        let file = files.file_at(&directory.join("values.schema.json")?)?;
        let value: Value = serde_json::from_str(file.text()?).ok()?;
        Levels { root: &value, known: HashMap::new(), steps: 0 }.below(&value, 0)?;
        let expressions = PatternOptions::regex().size_limit(MOST_EXPRESSION).dfa_size_limit(MOST_EXPRESSION);
        let options = jsonschema::options().offline().should_validate_formats(false).with_pattern_options(expressions);
        let validator = options.build(&value).ok()?;
        Some(Self { file: file.id, value, validator })
    }

    /// The keys that the schema knows beside the keyword at a JSON pointer.
    pub(super) fn keys_beside(&self, pointer: &str) -> impl Iterator<Item = &str> {
        let above = pointer.rsplit_once('/').and_then(|(above, _)| self.value.pointer(above));
        map(above.and_then(|schema| schema.get("properties"))).map(|(key, _)| key.as_str())
    }

    /// What the schema has against the values; nothing if they take too long to judge.
    pub(super) fn faults<'v>(&'v self, values: &'v Value) -> Vec<jsonschema::ValidationError<'v>> {
        let mut walk = Walk { root: &self.value, steps: 0 };
        match walk.visit(&self.value, values, 0) {
            Some(()) => self.validator.iter_errors(values).take(MOST_FAULTS).collect(),
            None => Vec::new(),
        }
    }
}

/// More faults of one release are not told.
const MOST_FAULTS: usize = 20;

/// Values as JSON. `Err` if they are too deep.
pub(super) fn json(node: &Node, depth: usize) -> Result<Value, ()> {
    if depth > DEEPEST {
        return Err(());
    }
    Ok(match node.resolve() {
        None if node.as_sequence().is_some() => {
            Value::Array(node.items().iter().map(|item| json(item, depth + 1)).collect::<Result<_, _>>()?)
        }
        None => {
            let entries = node.entries().iter();
            let values = entries.map(|entry| Ok((entry.key.text.to_string(), json(&entry.value, depth + 1)?)));
            Value::Object(values.collect::<Result<Map<_, _>, ()>>()?)
        }
        Some(Scalar::Null | Scalar::Unknown) => Value::Null,
        Some(Scalar::Bool(value)) => Value::Bool(value),
        Some(Scalar::Int(value)) => value.into(),
        Some(Scalar::UInt(value)) => value.into(),
        Some(Scalar::Float(value)) => value.into(),
        Some(Scalar::String(text)) => Value::String(text.to_owned()),
    })
}

/// What a reference within the schema leads to; `None` for references to elsewhere.
fn target<'s>(root: &'s Value, reference: &str) -> Option<&'s Value> {
    let pointer = reference.strip_prefix('#').filter(|pointer| !pointer.contains('%'))?;
    root.pointer(pointer)
}

/// Keywords whose meaning depends on where a schema is used, or that change what references mean.
const MOVING: [&str; 4] = ["$dynamicRef", "$recursiveRef", "$dynamicAnchor", "$recursiveAnchor"];

/// Keywords with a schema that judges the same value.
const SAME: [&str; 4] = ["not", "if", "then", "else"];
/// Keywords with a list of such schemas.
const SAME_LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// Keywords with a map of such schemas.
const SAME_MAPS: [&str; 2] = ["dependentSchemas", "dependencies"];
/// Keywords with a schema that judges each value of a map.
const EACH_VALUE: [&str; 3] = ["additionalProperties", "unevaluatedProperties", "propertyNames"];
/// Keywords with a schema, or a list of schemas, that judges each item of a list.
const EACH_ITEM: [&str; 5] = ["items", "additionalItems", "prefixItems", "contains", "unevaluatedItems"];
/// Keywords with schemas that are only referred to.
const DEFINITIONS: [&str; 2] = ["definitions", "$defs"];

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

fn map(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

/// How deep a schema goes, references followed: that is how deep its compiler goes.
struct Levels<'s> {
    root: &'s Value,
    /// By reference; `None` while it is being measured, which ends a circle.
    known: HashMap<&'s str, Option<usize>>,
    steps: usize,
}

impl<'s> Levels<'s> {
    /// The levels below a schema. `None` if there are too many, or if it can't be judged by.
    fn below(&mut self, schema: &'s Value, level: usize) -> Option<usize> {
        self.steps += 1;
        if level > MOST_LEVELS || self.steps > MOST_STEPS {
            return None;
        }
        let Some(schema) = schema.as_object() else { return Some(1) };
        let renamed = level > 0 && (schema.get("$id").or(schema.get("id")).is_some_and(Value::is_string));
        if renamed || MOVING.iter().any(|key| schema.contains_key(*key)) {
            return None;
        }
        let mut deepest = 0;
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            deepest = match self.known.get(reference) {
                Some(known) => known.unwrap_or_default(),
                None => {
                    self.known.insert(reference, None);
                    let levels = self.below(target(self.root, reference)?, level + 1)?;
                    self.known.insert(reference, Some(levels));
                    levels
                }
            };
        }
        let of_one = SAME.iter().chain(&EACH_VALUE).chain(&EACH_ITEM).filter_map(|key| schema.get(*key));
        let of_lists = SAME_LISTS.iter().chain(&EACH_ITEM).flat_map(|key| list(schema.get(*key)));
        let maps = SAME_MAPS.iter().chain(&DEFINITIONS).chain(&["properties", "patternProperties"]);
        let of_maps = maps.flat_map(|key| map(schema.get(*key))).map(|(_, schema)| schema);
        for inner in of_one.chain(of_lists).chain(of_maps) {
            deepest = deepest.max(self.below(inner, level + 1)?);
        }
        (level + deepest < MOST_LEVELS).then_some(deepest + 1)
    }
}

/// Goes wherever a judgement could go, and counts.
struct Walk<'s> {
    root: &'s Value,
    steps: usize,
}

impl<'s> Walk<'s> {
    /// `None` if there are too many steps, or no end.
    fn visit(&mut self, schema: &'s Value, value: &Value, level: usize) -> Option<()> {
        self.steps += 1;
        if level > 2 * MOST_LEVELS || self.steps > MOST_STEPS {
            return None;
        }
        let Some(schema) = schema.as_object() else { return Some(()) };
        let level = level + 1;
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            self.visit(target(self.root, reference)?, value, level)?;
        }
        let same = SAME.iter().filter_map(|key| schema.get(*key));
        let same = same.chain(SAME_LISTS.iter().flat_map(|key| list(schema.get(*key))));
        for inner in same.chain(SAME_MAPS.iter().flat_map(|key| map(schema.get(*key))).map(|(_, schema)| schema)) {
            self.visit(inner, value, level)?;
        }
        for (key, inner) in map(Some(value)) {
            let own = schema.get("properties").and_then(|properties| properties.get(key));
            let patterns = map(schema.get("patternProperties")).map(|(_, schema)| schema);
            for schema in own.into_iter().chain(patterns).chain(EACH_VALUE.iter().filter_map(|key| schema.get(*key))) {
                self.visit(schema, inner, level)?;
            }
        }
        for inner in list(Some(value)) {
            for schema in EACH_ITEM.iter().filter_map(|key| schema.get(*key)) {
                for schema in schema.as_array().map_or(std::slice::from_ref(schema), Vec::as_slice) {
                    self.visit(schema, inner, level)?;
                }
            }
        }
        Some(())
    }
}
