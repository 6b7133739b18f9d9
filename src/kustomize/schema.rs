//! The fields of a `kustomization.yaml`, and the check that nothing else stands there.
//!
//! The names follow kustomize's `api/types`. Kustomize reads the file as YAML 1.1 and then as JSON into Go types: field
//! names are compared without case, unknown ones are errors, and a text field takes no number.

use crate::source::Span;
use crate::yaml::{Entry, Key, Mapping, Node, Scalar, Value};

/// What may stand in a field.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Text,
    /// A text; numbers and booleans are taken as they are written.
    Loose,
    Bool,
    Int,
    Any,
    TextMap,
    LooseMap,
    BoolMap,
    List(&'static Shape),
    Object(&'static [(&'static str, Shape)]),
}

use Shape::{Any, Bool, BoolMap, Int, List, Loose, LooseMap, Object, Text, TextMap};

/// A mistake in the file, in Go's words.
#[derive(Debug)]
pub(super) struct Misfit {
    pub(super) span: Span,
    pub(super) why: String,
    /// The unknown field and the names that would be known.
    pub(super) unknown: Option<(String, Vec<&'static str>)>,
}

const FIELD_SPEC: Shape =
    Object(&[("group", Text), ("version", Text), ("kind", Text), ("path", Text), ("create", Bool)]);
const SELECTOR: Shape = Object(&[
    ("group", Text),
    ("version", Text),
    ("kind", Text),
    ("name", Text),
    ("namespace", Text),
    ("annotationSelector", Text),
    ("labelSelector", Text),
]);
const OPTIONS: Shape = Object(&[("delimiter", Text), ("index", Int), ("encoding", Text), ("create", Bool)]);
const PATCH: Shape = Object(&[("path", Text), ("patch", Text), ("target", SELECTOR), ("options", BoolMap)]);
const IMAGE: Shape =
    Object(&[("name", Text), ("newName", Text), ("tagSuffix", Text), ("newTag", Text), ("digest", Text)]);
pub(super) const GENERATOR_OPTIONS: Shape =
    Object(&[("labels", TextMap), ("annotations", TextMap), ("disableNameSuffixHash", Bool), ("immutable", Bool)]);
const TEXTS: Shape = List(&Text);

/// One entry of `replacements`.
pub(super) const REPLACEMENT: Shape = Object(&[
    ("path", Text),
    (
        "source",
        Object(&[
            ("group", Text),
            ("version", Text),
            ("kind", Text),
            ("name", Text),
            ("namespace", Text),
            ("fieldPath", Text),
            ("options", OPTIONS),
        ]),
    ),
    ("sourceValue", Text),
    (
        "targets",
        List(&Object(&[
            ("select", SELECTOR),
            ("reject", List(&SELECTOR)),
            ("fieldPaths", TEXTS),
            ("options", OPTIONS),
        ])),
    ),
]);

/// One entry of `configMapGenerator` or `secretGenerator`.
pub(super) const GENERATOR: Shape = Object(&[
    ("namespace", Text),
    ("name", Text),
    ("behavior", Text),
    ("literals", TEXTS),
    ("files", TEXTS),
    ("env", Text),
    ("envs", TEXTS),
    ("type", Text),
    ("options", GENERATOR_OPTIONS),
]);

/// The configuration object of a built-in plugin. Fields that a plugin does not know are ignored by it.
pub(super) const PLUGIN: Shape = Object(&[
    ("apiVersion", Text),
    ("kind", Text),
    ("metadata", Any),
    ("path", Text),
    ("patch", Text),
    ("target", SELECTOR),
    ("options", Any),
    ("paths", TEXTS),
    ("patches", Text),
    ("jsonOp", Text),
    ("prefix", Loose),
    ("suffix", Loose),
    ("labels", LooseMap),
    ("annotations", LooseMap),
    ("fieldSpecs", List(&FIELD_SPEC)),
    ("imageTag", IMAGE),
    ("replica", Object(&[("name", Text), ("count", Int)])),
    ("replacements", List(&REPLACEMENT)),
    ("value", Loose),
    ("targetFilePath", Text),
    ("targets", Any),
    ("setRoleBindingSubjects", Text),
    ("unsetOnly", Bool),
]);

/// A configuration file that `configurations` names.
pub(super) const CONFIGURATION: Shape = Object(&[
    ("namePrefix", List(&FIELD_SPEC)),
    ("nameSuffix", List(&FIELD_SPEC)),
    ("namespace", List(&FIELD_SPEC)),
    ("commonLabels", List(&FIELD_SPEC)),
    ("labels", List(&FIELD_SPEC)),
    ("templateLabels", List(&FIELD_SPEC)),
    ("volumeClaimTemplateLabels", List(&FIELD_SPEC)),
    ("commonAnnotations", List(&FIELD_SPEC)),
    (
        "nameReference",
        List(&Object(&[("group", Text), ("version", Text), ("kind", Text), ("fieldSpecs", List(&FIELD_SPEC))])),
    ),
    ("varReference", List(&FIELD_SPEC)),
    ("images", List(&FIELD_SPEC)),
    ("replicas", List(&FIELD_SPEC)),
]);

/// The file itself.
pub(super) const KUSTOMIZATION: Shape = Object(&[
    ("apiVersion", Text),
    ("kind", Text),
    ("metadata", Object(&[("name", Text), ("namespace", Text), ("labels", TextMap), ("annotations", TextMap)])),
    ("openapi", TextMap),
    ("namePrefix", Text),
    ("nameSuffix", Text),
    ("namespace", Text),
    ("commonLabels", TextMap),
    (
        "labels",
        List(&Object(&[
            ("pairs", TextMap),
            ("includeSelectors", Bool),
            ("includeTemplates", Bool),
            ("includeVolumeClaimTemplates", Bool),
            ("fields", List(&FIELD_SPEC)),
        ])),
    ),
    ("commonAnnotations", TextMap),
    ("patchesStrategicMerge", TEXTS),
    ("patchesJson6902", List(&PATCH)),
    ("patches", List(&PATCH)),
    ("images", List(&IMAGE)),
    ("imageTags", List(&IMAGE)),
    ("replacements", List(&REPLACEMENT)),
    ("replicas", List(&Object(&[("name", Text), ("count", Int)]))),
    (
        "vars",
        List(&Object(&[
            ("name", Text),
            (
                "objref",
                Object(&[
                    ("apiVersion", Text),
                    ("group", Text),
                    ("version", Text),
                    ("kind", Text),
                    ("name", Text),
                    ("namespace", Text),
                ]),
            ),
            ("fieldref", Object(&[("fieldpath", Text)])),
        ])),
    ),
    (
        "sortOptions",
        Object(&[("order", Text), ("legacySortOptions", Object(&[("orderFirst", TEXTS), ("orderLast", TEXTS)]))]),
    ),
    ("resources", TEXTS),
    ("components", TEXTS),
    ("crds", TEXTS),
    ("bases", TEXTS),
    ("configMapGenerator", List(&GENERATOR)),
    ("secretGenerator", List(&GENERATOR)),
    ("helmGlobals", Object(&[("chartHome", Text), ("configHome", Text)])),
    (
        "helmCharts",
        List(&Object(&[
            ("name", Text),
            ("version", Text),
            ("repo", Text),
            ("releaseName", Text),
            ("namespace", Text),
            ("additionalValuesFiles", TEXTS),
            ("valuesFile", Text),
            ("valuesInline", Any),
            ("valuesMerge", Text),
            ("includeCRDs", Bool),
            ("skipHooks", Bool),
            ("apiVersions", TEXTS),
            ("kubeVersion", Text),
            ("nameTemplate", Text),
            ("skipTests", Bool),
            ("debug", Bool),
            ("devel", Bool),
        ])),
    ),
    ("helmChartInflationGenerator", List(&Any)),
    ("generatorOptions", GENERATOR_OPTIONS),
    ("configurations", TEXTS),
    ("generators", TEXTS),
    ("transformers", TEXTS),
    ("validators", TEXTS),
    ("buildMetadata", TEXTS),
]);

/// Checks a node against its shape. The result has each field under its proper name, nulls left out; mistakes are
/// collected, and what they stand on is left out too.
pub(super) fn fit(node: &Node, shape: Shape, path: &str, misfits: &mut Vec<Misfit>) -> Option<Node> {
    if node.is_null() {
        return None;
    }
    let mut wrong = |wanted: &str| {
        let found = match (&node.value, node.resolve()) {
            (Value::Sequence(_), _) => "array",
            (Value::Mapping(_), _) => "object",
            (_, Some(Scalar::Bool(_))) => "bool",
            (_, Some(Scalar::Int(_) | Scalar::UInt(_) | Scalar::Float(_))) => "number",
            _ => "string",
        };
        let place = if path.contains('.') {
            format!("struct field {path} of type {wanted}")
        } else {
            format!("value of type types.{path}")
        };
        let why = format!("json: cannot unmarshal {found} into Go {place}");
        misfits.push(Misfit { span: node.span, why, unknown: None });
        None
    };
    match (shape, &node.value) {
        (Any, _) => Some(node.clone()),
        (Text, Value::Scalar(_)) if matches!(node.resolve(), Some(Scalar::String(_) | Scalar::Unknown)) => {
            Some(node.clone())
        }
        (Bool, Value::Scalar(_)) if node.as_bool().is_some() || node.is_unknown() => Some(node.clone()),
        (Int, Value::Scalar(_)) if node.as_i64().is_some() || node.is_unknown() => Some(node.clone()),
        (Loose, Value::Scalar(text)) => {
            // The object was read as a resource, so `yes` is a text by now.
            let text = match (super::scalar::kind(node), node.resolve()) {
                (Some(super::scalar::Kind::Bool), Some(Scalar::Bool(value))) => value.to_string(),
                (_, Some(Scalar::Int(value))) => value.to_string(),
                _ => text.to_string(),
            };
            Some(Node::string(text, node.span))
        }
        (Text | Loose, _) => wrong("string"),
        (Bool, _) => wrong("bool"),
        (Int, _) => wrong("int"),
        (List(inner), Value::Sequence(items)) => {
            let fitting = items.iter().filter_map(|item| fit(item, *inner, path, misfits)).collect();
            Some(Node { value: Value::Sequence(std::sync::Arc::new(fitting)), ..node.clone() })
        }
        (List(_), _) => wrong("[]"),
        (TextMap, Value::Mapping(mapping)) => Some(map_of(node, mapping, Text, path, misfits)),
        (LooseMap, Value::Mapping(mapping)) => Some(map_of(node, mapping, Loose, path, misfits)),
        (BoolMap, Value::Mapping(mapping)) => Some(map_of(node, mapping, Bool, path, misfits)),
        (TextMap | LooseMap, _) => wrong("map[string]string"),
        (BoolMap, _) => wrong("map[string]bool"),
        (Object(fields), Value::Mapping(mapping)) => {
            let mut fitted = Mapping::default();
            for entry in mapping.iter() {
                let known = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(&entry.key.text));
                let Some((name, shape)) = known else {
                    let why = format!("json: unknown field {:?}", entry.key.text);
                    let names = fields.iter().map(|(name, _)| *name).collect();
                    let unknown = Some((entry.key.text.to_string(), names));
                    misfits.push(Misfit { span: entry.key.span, why, unknown });
                    continue;
                };
                if let Some(value) = fit(&entry.value, *shape, &format!("{path}.{name}"), misfits) {
                    fitted.insert(Key { text: (*name).into(), ..entry.key.clone() }, value);
                }
            }
            Some(Node { value: Value::Mapping(std::sync::Arc::new(fitted)), ..node.clone() })
        }
        (Object(_), _) => wrong("struct"),
    }
}

/// A map from text; a null value is the empty one.
fn map_of(node: &Node, mapping: &Mapping, shape: Shape, path: &str, misfits: &mut Vec<Misfit>) -> Node {
    let entries = mapping.iter().filter_map(|entry| {
        let key = Key { text: entry.key.json_name().as_ref().into(), ..entry.key.clone() };
        let value = if entry.value.is_null() {
            Node::string("", entry.value.span)
        } else {
            fit(&entry.value, shape, path, misfits)?
        };
        Some(Entry { key, value })
    });
    Node { value: Value::Mapping(std::sync::Arc::new(entries.collect())), ..node.clone() }
}
