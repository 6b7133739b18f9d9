//! Which versions of custom resources the repository's own CustomResourceDefinitions serve.
//!
//! What the repository installs beats every table. Left out: schemas.

use compact_str::CompactString;
use foldhash::{HashMap, HashMapExt};

use super::Object;
use crate::source::Span;
use crate::yaml::Node;

/// One version in a definition.
#[derive(Clone, Debug)]
pub struct ServedVersion {
    /// Its name.
    pub name: CompactString,
    /// Whether the API server offers it.
    pub served: bool,
    /// Whether the API server warns whoever uses it.
    pub deprecated: bool,
    /// Where the version is written.
    pub span: Span,
}

/// A kind that a definition brings.
#[derive(Clone, Debug, Default)]
pub struct Definition {
    /// Versions of every definition of this kind in the repository.
    pub versions: Vec<ServedVersion>,
    /// Whether its objects live in namespaces; `None` if the definition does not say.
    pub namespaced: Option<bool>,
    /// Where the kind is written.
    pub span: Option<Span>,
}

/// Kinds that the repository defines, by group and kind.
#[derive(Clone, Debug, Default)]
pub struct Definitions(HashMap<(CompactString, CompactString), Definition>);

impl Definitions {
    /// Collects the definitions among `objects`. A kind that is defined several times, say for two clusters, has the
    /// versions of all.
    pub fn of<'a>(objects: impl Iterator<Item = &'a Object>) -> Self {
        let mut definitions: HashMap<(CompactString, CompactString), Definition> = HashMap::new();
        for object in objects.filter(|object| object.id.is("apiextensions.k8s.io", "CustomResourceDefinition")) {
            let Some(spec) = object.root.get("spec") else { continue };
            let Some(kind) = spec.at(&["names", "kind"]) else { continue };
            let (Some(group), Some(name)) = (spec.str_at(&["group"]), kind.as_str()) else { continue };
            let definition = definitions.entry((group.into(), name.into())).or_default();
            definition.span.get_or_insert(kind.span);
            if let Some(scope) = spec.str_at(&["scope"]) {
                definition.namespaced.get_or_insert(scope == "Namespaced");
            }
            let listed = spec.get("versions").map(Node::items).unwrap_or_default();
            definition.versions.extend(listed.iter().filter_map(version));
            // apiextensions.k8s.io/v1beta1 could name a single version in place of the list.
            if let (true, Some(single)) = (listed.is_empty(), spec.get("version")) {
                definition.versions.extend(single.as_str().map(|name| ServedVersion {
                    name: name.into(),
                    served: true,
                    deprecated: false,
                    span: single.span,
                }));
            }
        }
        Self(definitions)
    }

    /// The definition of a kind, if the repository has one.
    pub fn get(&self, group: &str, kind: &str) -> Option<&Definition> {
        self.0.get(&(group.into(), kind.into()))
    }
}

fn version(node: &Node) -> Option<ServedVersion> {
    let name = node.get("name")?;
    let flag = |key| node.get(key).and_then(Node::as_bool).unwrap_or(false);
    Some(ServedVersion {
        name: name.as_str()?.into(),
        served: flag("served"),
        deprecated: flag("deprecated"),
        span: name.span,
    })
}
