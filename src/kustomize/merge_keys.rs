//! Which lists a strategic merge patch merges element by element, and by which keys.
//!
//! Kustomize knows this from the OpenAPI document of Kubernetes 1.21 it carries; types that are not in it, newer
//! versions of known types included, have no such lists. A kustomization's `openapi` replaces the document.

use std::sync::{Arc, OnceLock};

use foldhash::{HashMap, HashMapExt};

use super::id::text_of;
use crate::files::Files;
use crate::source::Span;
use crate::yaml::{Mapping, Node, Value};

/// What is known below a type; only what leads to a list that is merged.
#[derive(Debug, Default)]
pub(super) struct Branch {
    fields: HashMap<&'static str, Branch>,
    elements: Option<Box<Branch>>,
    /// Keys of the list at this place; empty for a set of scalars.
    keys: Option<Vec<String>>,
}

/// A user's OpenAPI document.
#[derive(Debug)]
pub(super) struct OpenApi {
    definitions: Node,
    types: HashMap<(String, String), String>,
}

/// What the schema says about one place of an object.
#[derive(Clone, Debug, Default)]
pub(super) enum Schema {
    /// Nothing: lists are replaced.
    #[default]
    Unknown,
    BuiltIn(&'static Branch),
    User(Arc<OpenApi>, Node),
}

/// The documents in force.
#[derive(Clone, Debug)]
pub(super) struct Schemas {
    pub(super) built_in: bool,
    pub(super) user: Option<Arc<OpenApi>>,
}

impl Default for Schemas {
    fn default() -> Self {
        Self { built_in: true, user: None }
    }
}

/// Types by API version and kind.
type Types = HashMap<&'static str, HashMap<&'static str, Branch>>;

fn types() -> &'static Types {
    static TYPES: OnceLock<Types> = OnceLock::new();
    TYPES.get_or_init(|| {
        let table = include_str!("data/merge_keys.tsv").lines().filter(|line| !line.starts_with('#'));
        let rows: Vec<(&str, &str, &str)> = table
            .filter_map(|line| {
                let mut columns = line.split('\t');
                Some((columns.next()?, columns.next()?, columns.next().unwrap_or_default()))
            })
            .collect();
        let mut types = Types::new();
        for (names, path, keys) in &rows {
            for name in names.split(',') {
                let Some((api_version, kind)) = name.split_once(' ') else { continue };
                let branch = types.entry(api_version).or_default().entry(kind).or_default().below(path);
                match keys.strip_prefix('@') {
                    None => branch.keys = Some(split_keys(keys)),
                    Some(definition) => {
                        for (_, path, keys) in rows.iter().filter(|(name, ..)| *name == definition) {
                            branch.below(path).keys = Some(split_keys(keys));
                        }
                    }
                }
            }
        }
        types
    })
}

fn split_keys(keys: &str) -> Vec<String> {
    keys.split(',').filter(|key| !key.is_empty()).map(str::to_owned).collect()
}

/// The built-in definitions that a user's document may refer to.
fn definition(name: &str) -> Option<&'static Branch> {
    let path: &[&str] = match name {
        "io.k8s.api.core.v1.PodTemplateSpec" => &["PodTemplate", "template"],
        "io.k8s.api.core.v1.PodSpec" => &["Pod", "spec"],
        "io.k8s.api.core.v1.Container" => &["Pod", "spec", "containers"],
        "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" => &["Pod", "metadata"],
        _ => return None,
    };
    let (kind, path) = path.split_first()?;
    let branch = path.iter().try_fold(types().get("v1")?.get(kind)?, |branch, field| branch.fields.get(field))?;
    Some(branch.elements.as_deref().filter(|_| path.last() == Some(&"containers")).unwrap_or(branch))
}

impl Branch {
    fn below(&mut self, path: &'static str) -> &mut Branch {
        path.split('.').fold(self, |branch, part| match part.strip_suffix("[]") {
            Some(name) => branch.fields.entry(name).or_default().elements.get_or_insert_default(),
            None => branch.fields.entry(part).or_default(),
        })
    }
}

impl OpenApi {
    /// Reads a document; `None` if it has no definitions.
    pub(super) fn new(root: &Node) -> Option<Self> {
        let definitions = root.get("definitions")?.clone();
        let mut types = HashMap::new();
        for entry in definitions.entries() {
            for gvk in entry.value.get("x-kubernetes-group-version-kind").map(Node::items).unwrap_or_default() {
                let group = text_of(gvk.get("group"));
                let version = text_of(gvk.get("version"));
                let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
                types.insert((api_version, text_of(gvk.get("kind")).to_owned()), entry.key.text.to_string());
            }
        }
        Some(Self { definitions, types })
    }

    /// The schema at a node. A `$ref` that leads out of the document leads into the built-in one.
    fn schema(self: &Arc<Self>, node: &Node) -> Schema {
        let resolved = self.resolve(node);
        let target = resolved.get("$ref").and_then(Node::as_str).and_then(|target| target.rsplit('/').next());
        if let Some(branch) = target.and_then(definition) {
            return Schema::BuiltIn(branch);
        }
        Schema::User(Arc::clone(self), with_marks(node, resolved))
    }

    /// Follows a `$ref`, as far as it leads within the document.
    fn resolve(&self, node: &Node) -> Node {
        let mut node = node.clone();
        // References that refer to one another would go on for ever.
        for _ in 0..16 {
            let Some(target) = node.get("$ref").and_then(Node::as_str) else { break };
            let name = target.rsplit('/').next().unwrap_or_default();
            match self.definitions.get(name) {
                Some(definition) => node = definition.clone(),
                None => break,
            }
        }
        node
    }
}

/// The schema that a comment behind a key gives its value: `# {"type": "array", "x-kubernetes-patch-strategy": "merge"}`.
pub(super) fn in_comment(files: &Files, key: Span) -> Option<Schema> {
    let stream = files.stream(key.file);
    let at = stream.comments.partition_point(|comment| comment.start < key.end);
    let comment = *stream.comments.get(at)?;
    let file = files.sources.file(key.file);
    let between = file.slice(Span { start: key.end, end: comment.start, ..key });
    let text = file.slice(comment).trim_start_matches('#').trim();
    if between.contains('\n') || !text.starts_with('{') {
        return None;
    }
    let root = crate::yaml::parse(key.file, text.as_bytes()).documents.into_iter().next()?.root?;
    let none = OpenApi { definitions: Node::mapping(Mapping::default(), key), types: HashMap::new() };
    root.get("x-kubernetes-patch-strategy")?;
    Some(Schema::User(Arc::new(none), root))
}

impl Schemas {
    /// The schema of a type.
    fn of_type(&self, api_version: &str, kind: &str) -> Schema {
        if let Some(user) = &self.user
            && let Some(name) = user.types.get(&(api_version.to_owned(), kind.to_owned()))
            && let Some(definition) = user.definitions.get(name)
        {
            return Schema::User(Arc::clone(user), definition.clone());
        }
        match types().get(api_version).and_then(|kinds| kinds.get(kind)) {
            Some(branch) if self.built_in => Schema::BuiltIn(branch),
            _ => Schema::Unknown,
        }
    }

    /// `schema`, or if that is unknown, the schema of the type that one of the nodes says it is.
    pub(super) fn or_by_type(&self, schema: Schema, nodes: [Option<&Node>; 2]) -> Schema {
        if !matches!(schema, Schema::Unknown) {
            return schema;
        }
        for node in nodes.into_iter().flatten() {
            if let Value::Mapping(mapping) = &node.value
                && let (Some(api_version), Some(kind)) = (mapping.get("apiVersion"), mapping.get("kind"))
            {
                let found = self.of_type(text_of(Some(api_version)), text_of(Some(kind)));
                if !matches!(found, Schema::Unknown) {
                    return found;
                }
            }
        }
        Schema::Unknown
    }
}

impl Schema {
    /// The schema of a field.
    pub(super) fn field(&self, name: &str) -> Schema {
        match self {
            Self::Unknown => Self::Unknown,
            Self::BuiltIn(branch) => branch.fields.get(name).map_or(Self::Unknown, Self::BuiltIn),
            Self::User(document, node) => {
                match node.at(&["properties", name]).or_else(|| node.get("additionalProperties")) {
                    Some(property) => document.schema(property),
                    None => Self::Unknown,
                }
            }
        }
    }

    /// The schema of a list's elements.
    pub(super) fn elements(&self) -> Schema {
        match self {
            Self::Unknown => Self::Unknown,
            Self::BuiltIn(branch) => branch.elements.as_deref().map_or(Self::Unknown, Self::BuiltIn),
            Self::User(document, node) => match node.get("items") {
                Some(items) => document.schema(items),
                None => Self::Unknown,
            },
        }
    }

    /// The keys by which the list at this place is merged, empty for a set of scalars; `None` if it is replaced.
    pub(super) fn merge_keys(&self) -> Option<Vec<String>> {
        match self {
            Self::Unknown => None,
            Self::BuiltIn(branch) => branch.keys.clone(),
            Self::User(_, node) => {
                let strategy = text_of(node.get("x-kubernetes-patch-strategy"));
                if !strategy.split(',').any(|part| part == "merge") {
                    return None;
                }
                let keys = node.get("x-kubernetes-list-map-keys").map(Node::items).unwrap_or_default();
                let keys: Vec<String> = keys.iter().map(|key| text_of(Some(key)).to_owned()).collect();
                if !keys.is_empty() {
                    return Some(keys);
                }
                let key = text_of(node.get("x-kubernetes-patch-merge-key"));
                Some(if key.is_empty() { Vec::new() } else { vec![key.to_owned()] })
            }
        }
    }
}

/// Marks such as the patch strategy stand next to a `$ref`, not behind it.
fn with_marks(property: &Node, mut resolved: Node) -> Node {
    if property.get("$ref").is_none() {
        return resolved;
    }
    if let Some(mapping) = resolved.as_mapping_mut() {
        for entry in property.entries().iter().filter(|entry| entry.key.text.starts_with("x-kubernetes-")) {
            mapping.insert(entry.key.clone(), entry.value.clone());
        }
    }
    resolved
}
