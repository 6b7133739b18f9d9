//! One object and its identity.

use std::fmt;
use std::sync::Arc;

use compact_str::CompactString;

use crate::source::Span;
use crate::yaml::Node;

/// What tells two objects of a cluster apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ObjectId {
    /// API group; empty for the core group.
    pub group: CompactString,
    /// API version without the group.
    pub version: CompactString,
    /// Kind.
    pub kind: CompactString,
    /// Namespace as written; empty if none is.
    pub namespace: CompactString,
    /// Name; empty if the object has `generateName` only.
    pub name: CompactString,
}

/// One object as it would reach the cluster.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its identity, shared by all copies of the object.
    pub id: Arc<ObjectId>,
    /// Its content.
    pub root: Node,
}

impl ObjectId {
    /// Reads the identity of a manifest. `None` unless it is a map with a text `apiVersion` and `kind`.
    pub fn of(root: &Node) -> Option<Self> {
        let api_version = root.get("apiVersion")?.as_str()?;
        let kind = root.get("kind")?.as_str()?;
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let metadata = |key| root.at(&["metadata", key]).and_then(Node::as_text).unwrap_or_default();
        Some(Self {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
            namespace: metadata("namespace").into(),
            name: metadata("name").into(),
        })
    }

    /// `group/version`, or only the version for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_string() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Whether the object is of this group and kind, whatever its version.
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.kind == kind && self.group == group
    }
}

/// `Deployment shop/web`, as messages name an object.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind)?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

impl Object {
    /// An object from its content; `None` if that is no Kubernetes object.
    pub fn new(root: Node) -> Option<Self> {
        Some(Self { id: ObjectId::of(&root)?.into(), root })
    }

    /// The objects of a document: the items of a `List`, else the document itself. A list within a list stays whole, as
    /// `kubectl` has it.
    pub fn all(root: Node) -> Vec<Self> {
        let is_list = root.str_at(&["kind"]).is_some_and(|kind| kind.ends_with("List"));
        match root.get("items").and_then(Node::as_sequence).filter(|_| is_list) {
            Some(items) => items.iter().cloned().filter_map(Self::new).collect(),
            None => Self::new(root).into_iter().collect(),
        }
    }

    /// Where the name is written, else where the object starts: the place to point at for a finding on the whole object.
    pub fn name_span(&self) -> Span {
        self.root.at(&["metadata", "name"]).map_or(self.root.span, |name| name.span)
    }
}
