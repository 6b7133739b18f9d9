//! Settings that a rule declares in its file and a user changes in `.presync.yaml`.

use serde_json::{Map, Value, json};

use super::rule::Rule;
use crate::config::Reader;
use crate::kubernetes::Quantity;
use crate::yaml::Node;

/// A value of a rule that users may change.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// What kind of value it takes.
    pub kind: SettingKind,
    /// The value without a setting of the user's.
    pub default: Node,
    /// What it decides and why the default is what it is, in one sentence.
    pub about: String,
}

/// The kinds of values a setting can take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SettingKind {
    /// A Kubernetes quantity: `50m`.
    Quantity,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A text.
    Text,
    /// A list of texts.
    Texts,
}

const KINDS: [(&str, SettingKind); 5] = [
    ("quantity", SettingKind::Quantity),
    ("integer", SettingKind::Integer),
    ("boolean", SettingKind::Boolean),
    ("text", SettingKind::Text),
    ("texts", SettingKind::Texts),
];

impl SettingKind {
    /// What such a value is, for messages: `a quantity such as 50m`.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Quantity => "a quantity such as `50m`",
            Self::Integer => "a whole number",
            Self::Boolean => "`true` or `false`",
            Self::Text => "a text",
            Self::Texts => "a list of texts",
        }
    }

    fn schema(self) -> Value {
        match self {
            Self::Quantity => json!({"type": ["string", "number"]}),
            Self::Integer => json!({"type": "integer"}),
            Self::Boolean => json!({"type": "boolean"}),
            Self::Text => json!({"type": ["string", "number"]}),
            Self::Texts => json!({"type": "array", "items": {"type": ["string", "number"]}}),
        }
    }

    /// Whether a value is of this kind.
    pub fn accepts(self, node: &Node) -> bool {
        match self {
            Self::Quantity => matches!(Quantity::of(node), Some(Ok(_))),
            Self::Integer => node.as_i64().is_some(),
            Self::Boolean => node.as_bool().is_some(),
            Self::Text => node.as_text().is_some(),
            Self::Texts => node.as_sequence().is_some_and(|items| items.iter().all(|item| item.as_text().is_some())),
        }
    }
}

/// The JSON Schema of the settings of all rules.
pub fn settings_schema(rules: &[Rule]) -> Value {
    let of_rule = |rule: &Rule| {
        let properties = rule.settings.iter().map(|setting| {
            let mut schema = setting.kind.schema();
            if let Some(map) = schema.as_object_mut() {
                map.insert("description".to_owned(), setting.about.clone().into());
            }
            (setting.name.clone(), schema)
        });
        json!({"type": "object", "additionalProperties": false, "properties": properties.collect::<Map<_, _>>()})
    };
    let with_settings = rules.iter().filter(|rule| !rule.settings.is_empty());
    let properties: Map<_, _> = with_settings.map(|rule| (rule.id.to_string(), of_rule(rule))).collect();
    json!({"type": "object", "properties": properties})
}

/// Reads the `settings` of a rule file.
pub(super) fn read(node: &Node, reader: &mut Reader) -> Vec<Setting> {
    let Some(mapping) = reader.mapping(node, "`settings`") else { return Vec::new() };
    let mut settings = Vec::new();
    for entry in mapping.iter() {
        let name = entry.key.text.to_string();
        let Some(fields) = reader.fields(&entry.value, "a setting", &["type", "default", "about"]) else { continue };
        let (Some(kind), Some(default), Some(about)) = (fields.get("type"), fields.get("default"), fields.get("about"))
        else {
            reader.problem(entry.key.span, format!("the setting `{name}` needs `type`, `default` and `about`"));
            continue;
        };
        let kind = reader.word(kind, "the type of a setting", &KINDS);
        let about = reader.text(about, "`about`").map(str::to_owned);
        let (Some(kind), Some(about)) = (kind, about) else { continue };
        if !kind.accepts(default) {
            reader.problem(default.span, format!("the default of `{name}` must be {}", kind.describe()));
        }
        settings.push(Setting { name, kind, default: default.clone(), about });
    }
    settings
}
