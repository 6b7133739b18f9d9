//! What tells two resources apart to kustomize: group, version, kind, name, and the namespace as far as it counts.
//!
//! Unlike [`crate::kubernetes::ObjectId`], two ids are equal if kustomize takes them for one: no namespace and
//! `default` are the same, and a type that is known to be cluster-scoped has none.

use std::fmt;
use std::sync::OnceLock;

use compact_str::CompactString;
use foldhash::HashSet;

use crate::yaml::{Node, Value};

/// Group, version and kind. As a selector, an empty part matches anything.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(super) struct Gvk {
    pub(super) group: CompactString,
    pub(super) version: CompactString,
    pub(super) kind: CompactString,
}

/// A resource's identity. Namespace as written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(super) struct ResId {
    pub(super) gvk: Gvk,
    pub(super) name: CompactString,
    pub(super) namespace: CompactString,
}

/// The namespace of cluster-scoped types, as kustomize names it.
const NO_NAMESPACE: &str = "_non_namespaceable_";

/// The text of a scalar whatever its type; empty for anything else, as kustomize reads names.
pub(super) fn text_of(node: Option<&Node>) -> &str {
    match node {
        Some(node) if !node.is_null() => match &node.value {
            Value::Scalar(text) => text,
            _ => "",
        },
        _ => "",
    }
}

impl Gvk {
    pub(super) fn new(group: &str, version: &str, kind: &str) -> Self {
        Self { group: group.into(), version: version.into(), kind: kind.into() }
    }

    pub(super) fn of(root: &Node) -> Self {
        let api_version = text_of(root.get("apiVersion"));
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self::new(group, version, text_of(root.get("kind")))
    }

    /// Whether this type is one of those that `selector` stands for.
    pub(super) fn is_selected_by(&self, selector: &Gvk) -> bool {
        let fits = |selector: &str, own: &str| selector.is_empty() || selector == own;
        fits(&selector.group, &self.group) && fits(&selector.version, &self.version) && fits(&selector.kind, &self.kind)
    }

    pub(super) fn is_cluster_scoped(&self) -> bool {
        static TYPES: OnceLock<HashSet<(&str, &str, &str)>> = OnceLock::new();
        let types = TYPES.get_or_init(|| {
            let lines = include_str!("data/cluster_scoped.tsv").lines().filter(|line| !line.starts_with('#'));
            lines
                .filter_map(|line| {
                    let (api_version, kind) = line.split_once('\t')?;
                    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
                    Some((group, version, kind))
                })
                .collect()
        });
        types.contains(&(self.group.as_str(), self.version.as_str(), self.kind.as_str()))
    }
}

impl ResId {
    pub(super) fn of(root: &Node) -> Self {
        let metadata = |key| text_of(root.at(&["metadata", key])).into();
        Self { gvk: Gvk::of(root), name: metadata("name"), namespace: metadata("namespace") }
    }

    /// The namespace as far as it tells resources apart.
    pub(super) fn effective_namespace(&self) -> &str {
        if self.gvk.is_cluster_scoped() {
            NO_NAMESPACE
        } else if self.namespace.is_empty() {
            "default"
        } else {
            &self.namespace
        }
    }

    /// The same id with its effective namespace: equal exactly for ids that kustomize takes for one.
    pub(super) fn key(&self) -> Self {
        Self { namespace: self.effective_namespace().into(), ..self.clone() }
    }
}

impl fmt::Display for Gvk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = |text: &CompactString, none| if text.is_empty() { none } else { text.to_string() };
        let (kind, version) = (or(&self.kind, "[noKind]".to_owned()), or(&self.version, "[noVer]".to_owned()));
        write!(f, "{kind}.{version}.{}", or(&self.group, "[noGrp]".to_owned()))
    }
}

/// As kustomize's messages name a resource: `Deployment.v1.apps/web.[noNs]`.
impl fmt::Display for ResId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = |text: &CompactString, none: &str| if text.is_empty() { none.to_owned() } else { text.to_string() };
        write!(f, "{}/{}.{}", self.gvk, or(&self.name, "[noName]"), or(&self.namespace, "[noNs]"))
    }
}
