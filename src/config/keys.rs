//! The keys of `.presync.yaml`, each said once: the reader, the reference in `docs/configuration.md` and the JSON Schema
//! all take them from here.

use serde_json::{Map, Value, json};

use super::levels::LEVELS;

/// One key of a map.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// What its value looks like.
    pub form: Form,
    /// Whether it must be there.
    pub required: bool,
    /// What it decides, in one sentence.
    pub about: &'static str,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// A text.
    Text,
    /// A release of Kubernetes.
    Release,
    /// A release of kustomize.
    KustomizeRelease,
    /// One text or a list of texts.
    Texts,
    /// Levels by rule.
    Levels,
    /// Values by rule and name.
    Settings,
    /// Names by kind.
    Names,
    /// A list of maps with these keys.
    Entries(&'static [Key]),
}

/// The keys of the file.
pub const KEYS: [Key; 9] = [
    Key::new(
        "kubernetes",
        Form::Release,
        "the Kubernetes release that objects are judged for; without it, presync looks for one in the repository",
    ),
    Key::new(
        "kustomize",
        Form::KustomizeRelease,
        "the release of kustomize that the controllers have, where releases differ; the current one unless set",
    ),
    Key::new("rules", Form::Levels, "levels of rules everywhere"),
    Key::new(
        "paths",
        Form::Entries(&PATHS),
        "levels of rules in some paths; the last entry that matches a path and names the rule wins",
    ),
    Key::new("settings", Form::Settings, "settings of rules, by rule id; `presync explain RULE` lists those of a rule"),
    Key::new(
        "skip",
        Form::Texts,
        "paths in which no app is looked for and of which no finding is shown; what others refer to is still read",
    ),
    Key::new(
        "external",
        Form::Names,
        "objects that exist in the cluster though Git does not have them, by kind: `name`, or `namespace/name`",
    ),
    Key::new("charts", Form::Entries(&CHARTS), "values files that nothing in the repository ties to a chart"),
    Key::new("custom-rules", Form::Text, "the directory of rule files of your own, `.presync/rules` unless set"),
];

/// The keys of an entry of `paths`.
pub(super) const PATHS: [Key; 2] =
    [Key::needed("match", Form::Texts, "the paths"), Key::needed("rules", Form::Levels, "levels of rules in them")];

/// The keys of an entry of `charts`.
pub(super) const CHARTS: [Key; 6] = [
    Key::needed("values", Form::Texts, "values files, in the order in which Helm gets them"),
    Key::needed("chart", Form::Text, "the chart's name"),
    Key::new("version", Form::Text, "its version or range"),
    Key::new("repository", Form::Text, "the URL of its repository"),
    Key::new("release", Form::Text, "the release's name"),
    Key::new("namespace", Form::Text, "the namespace it is installed to"),
];

impl Key {
    const fn new(name: &'static str, form: Form, about: &'static str) -> Self {
        Self { name, form, required: false, about }
    }

    const fn needed(name: &'static str, form: Form, about: &'static str) -> Self {
        Self { name, form, required: true, about }
    }
}

impl Form {
    /// What such a value is, in a few words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Release => "a release such as `\"1.34\"`",
            Self::KustomizeRelease => "a release such as `\"5.5\"`",
            Self::Texts => "one pattern or path, or a list",
            Self::Levels => "a map from rule to level",
            Self::Settings => "a map from rule id to its settings",
            Self::Names => "a map from kind to names",
            Self::Entries(_) => "a list of maps",
        }
    }

    fn schema(self, settings: &Value) -> Value {
        let texts = json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]});
        match self {
            Self::Text => json!({"type": ["string", "number"]}),
            Self::Release | Self::KustomizeRelease => json!({"type": ["string", "number"]}),
            Self::Texts => texts,
            Self::Levels => {
                let words: Vec<&str> = LEVELS.iter().map(|(word, _)| *word).collect();
                // A reader of YAML 1.1 takes `on` and `off` for booleans.
                json!({"type": "object", "additionalProperties": {"anyOf": [{"enum": words}, {"type": "boolean"}]}})
            }
            Self::Settings => settings.clone(),
            Self::Names => json!({"type": "object", "additionalProperties": texts}),
            Self::Entries(keys) => json!({"type": "array", "items": object(keys, settings)}),
        }
    }
}

/// The names of some keys.
pub(super) fn names(keys: &[Key]) -> Vec<&'static str> {
    keys.iter().map(|key| key.name).collect()
}

/// The JSON Schema of the file. `settings` is the schema of the key `settings`, which only the rules know.
pub fn schema(settings: &Value) -> Value {
    let mut schema = object(&KEYS, settings);
    if let Some(map) = schema.as_object_mut() {
        map.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
        map.insert("title".to_owned(), "Settings of presync".into());
    }
    schema
}

fn object(keys: &[Key], settings: &Value) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|key| {
            let mut schema = key.form.schema(settings);
            if let Some(map) = schema.as_object_mut() {
                map.insert("description".to_owned(), key.about.into());
            }
            (key.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> = keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    json!({"type": "object", "additionalProperties": false, "properties": properties, "required": required})
}
