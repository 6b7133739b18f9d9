//! A resource on its way through a build, and the list of them that a kustomization has gathered.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use compact_str::CompactString;
use foldhash::{HashMap, HashMapExt};

use super::id::{Gvk, ResId, text_of};
use super::scalar;
use super::selector::Pattern;
use super::shared::Shared;
use crate::source::Span;
use crate::yaml::{Key, Mapping, Node};

/// One resource with what kustomize remembers of it.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    pub(super) root: Node,
    /// Name, namespace and kind before each renaming step, oldest first.
    pub(super) previous: Vec<Previous>,
    pub(super) prefixes: Vec<CompactString>,
    pub(super) suffixes: Vec<CompactString>,
    /// Whether a content hash is to be put behind the name; the place says what made the resource.
    pub(super) needs_hash: Option<Span>,
    /// What the generator that made the resource does where there is one already; `None` if no generator made it.
    pub(super) behavior: Option<Behavior>,
    /// Labels and annotations that one transformer put into several places of the resource.
    pub(super) shared: Vec<Shared>,
    /// Names of the vars that point at this resource.
    pub(super) vars: Vec<String>,
    /// The entry of the kustomization at work that brought it.
    pub(super) listed: Option<Span>,
    pub(super) origin: Option<Origin>,
    pub(super) transformations: Vec<Origin>,
}

/// An earlier identity. Group and version are always the current ones.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Previous {
    pub(super) name: CompactString,
    /// The effective namespace.
    pub(super) namespace: CompactString,
    pub(super) kind: CompactString,
}

/// What a generator does when the resource is there already.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Behavior {
    #[default]
    Create,
    Merge,
    Replace,
}

/// What kustomize's own annotations start with.
const INTERNAL: &str = "internal.config.kubernetes.io/";

/// Whether an annotation is one that kustomize keeps its books in, and takes away at the end.
fn is_internal(key: &str) -> bool {
    key.strip_prefix(INTERNAL).is_some_and(|name| {
        matches!(
            name,
            "previousKinds"
                | "previousNames"
                | "previousNamespaces"
                | "prefixes"
                | "suffixes"
                | "allowNameChange"
                | "allowKindChange"
                | "refBy"
                | "generatorBehavior"
                | "needsHashSuffix"
        )
    })
}

/// Where a resource comes from, as kustomize's origin annotation tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// A file, relative to the directory that is built.
    Path(String),
    /// A generator or transformer: the file that configures it, the built-in's kind, and the name and namespace of its
    /// configuration object if it has one.
    Built { configured_in: String, kind: String, name: Option<(String, String)> },
}

impl Resource {
    pub(super) fn new(root: Node) -> Self {
        Self {
            root,
            previous: Vec::new(),
            prefixes: Vec::new(),
            suffixes: Vec::new(),
            needs_hash: None,
            behavior: None,
            shared: Vec::new(),
            vars: Vec::new(),
            listed: None,
            origin: None,
            transformations: Vec::new(),
        }
    }

    /// A resource from a file, which may carry what kustomize itself has written into annotations in an earlier run.
    pub(super) fn read(root: Node) -> Self {
        let mut resource = Self::new(root);
        let Some(annotations) = resource.root.at(&["metadata", "annotations"]) else { return resource };
        let list = |name: &str| -> Vec<CompactString> {
            let text = text_of(annotations.get(&format!("{INTERNAL}{name}")));
            text.split(',').filter(|part| !part.is_empty()).map(CompactString::from).collect()
        };
        if !annotations.entries().iter().any(|entry| is_internal(&entry.key.text)) {
            return resource;
        }
        let (names, namespaces, kinds) = (list("previousNames"), list("previousNamespaces"), list("previousKinds"));
        let previous = names.into_iter().zip(namespaces).zip(kinds);
        resource.previous = previous.map(|((name, namespace), kind)| Previous { name, namespace, kind }).collect();
        resource.prefixes = list("prefixes");
        resource.suffixes = list("suffixes");
        let hash = annotations.as_mapping().and_then(|map| map.entry(&format!("{INTERNAL}needsHashSuffix")));
        resource.needs_hash = hash.filter(|hash| hash.value.value_text() == Some("enabled")).map(|hash| hash.key.span);
        let metadata = resource.root.as_mapping_mut().and_then(|root| root.get_mut("metadata"));
        let annotations = metadata.and_then(Node::as_mapping_mut).and_then(|metadata| metadata.get_mut("annotations"));
        if let Some(annotations) = annotations.and_then(Node::as_mapping_mut) {
            annotations.retain(|entry| !is_internal(&entry.key.text));
        }
        resource
    }

    pub(super) fn id(&self) -> ResId {
        ResId::of(&self.root)
    }

    pub(super) fn gvk(&self) -> Gvk {
        Gvk::of(&self.root)
    }

    pub(super) fn name(&self) -> &str {
        text_of(self.root.at(&["metadata", "name"]))
    }

    /// The place that stands for the whole resource.
    pub(super) fn span(&self) -> Span {
        self.root.at(&["metadata", "name"]).map_or(self.root.span, |name| name.span)
    }

    /// Where the resource's name was written first, before a transformer wrote another one.
    pub(super) fn written_span(&self) -> Span {
        let name = self.root.at(&["metadata", "name"]);
        let first = name.and_then(|name| name.history.changes().iter().find_map(|change| change.before.as_ref()));
        first.map_or(self.span(), |before| before.span)
    }

    pub(super) fn previous_ids(&self) -> impl Iterator<Item = ResId> {
        let gvk = self.gvk();
        self.previous.iter().map(move |previous| ResId {
            gvk: Gvk { kind: previous.kind.clone(), ..gvk.clone() },
            name: previous.name.clone(),
            namespace: previous.namespace.clone(),
        })
    }

    /// Previous ids, then the current one.
    pub(super) fn ids(&self) -> impl Iterator<Item = ResId> {
        self.previous_ids().chain(std::iter::once(self.id()))
    }

    /// Previous names, then the current one.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.previous.iter().map(|previous| previous.name.as_str()).chain(std::iter::once(self.name()))
    }

    pub(super) fn original_id(&self) -> ResId {
        self.previous_ids().next().unwrap_or_else(|| self.id())
    }

    /// Remembers the current identity before it changes.
    pub(super) fn remember_id(&mut self) {
        let id = self.id();
        self.previous.push(Previous { namespace: id.effective_namespace().into(), name: id.name, kind: id.gvk.kind });
    }

    /// Whether kustomize keeps books about this resource, which it does in annotations.
    pub(super) fn has_books(&self) -> bool {
        !self.previous.is_empty()
            || !self.prefixes.is_empty()
            || !self.suffixes.is_empty()
            || self.needs_hash.is_some()
            || self.behavior.is_some()
            || self.origin.is_some()
    }

    /// Forgets what kustomize knows of the resource, as it does when a patch takes all annotations away.
    pub(super) fn forget(&mut self) {
        self.previous.clear();
        self.prefixes.clear();
        self.suffixes.clear();
        self.needs_hash = None;
        self.behavior = None;
        self.origin = None;
        self.transformations.clear();
    }

    /// Makes every annotation a text, as kustomize does whenever it writes them all.
    pub(super) fn text_annotations(&mut self) {
        let is_text = |node: &Node| scalar::kind(node) == Some(scalar::Kind::String);
        let annotations = self.root.at(&["metadata", "annotations"]).map(Node::entries).unwrap_or_default();
        if annotations.iter().all(|entry| is_text(&entry.value)) {
            return;
        }
        let metadata = self.root.as_mapping_mut().and_then(|root| root.get_mut("metadata"));
        let annotations = metadata.and_then(Node::as_mapping_mut).and_then(|metadata| metadata.get_mut("annotations"));
        let values = annotations.and_then(Node::as_mapping_mut).into_iter().flat_map(Mapping::values_mut);
        for value in values.filter(|value| !is_text(value)) {
            let text = value.value_text().unwrap_or_default().to_owned();
            *value = Node { history: std::mem::take(&mut value.history), ..Node::string(text, value.span) };
        }
    }

    /// Whether a patch has taken everything away.
    pub(super) fn is_empty(&self) -> bool {
        self.root.as_mapping().is_none_or(Mapping::is_empty)
    }

    /// The map `metadata.<field>` for writing, made where it is missing.
    pub(super) fn metadata_map(&mut self, field: &str, by: Span) -> Option<&mut Mapping> {
        let metadata = map_at(self.root.as_mapping_mut()?, "metadata", by)?;
        map_at(metadata, field, by)
    }
}

/// The map under `key`, made where it is missing or null.
pub(super) fn map_at<'a>(mapping: &'a mut Mapping, key: &str, by: Span) -> Option<&'a mut Mapping> {
    if mapping.get(key).is_none_or(Node::is_null) {
        mapping.insert(Key::new(key, by), Node::mapping(Mapping::default(), by));
    }
    mapping.get_mut(key)?.as_mapping_mut()
}

/// Adds a place to an index, once.
fn note<K: Eq + std::hash::Hash>(index: &mut HashMap<K, Vec<usize>>, key: K, at: usize) {
    let places = index.entry(key).or_default();
    if places.last() != Some(&at) {
        places.push(at);
    }
}

/// Resources in load order. Indexes over their ids are made when asked for, and dropped when ids change.
#[derive(Debug, Default)]
pub(super) struct Resources {
    list: Vec<Resource>,
    current: OnceCell<HashMap<ResId, Vec<usize>>>,
    any: OnceCell<HashMap<ResId, Vec<usize>>>,
    names: OnceCell<HashMap<CompactString, Vec<usize>>>,
}

impl Resources {
    pub(super) fn list(&self) -> &[Resource] {
        &self.list
    }

    /// Resources for changes that leave every id as it is.
    pub(super) fn list_mut(&mut self) -> &mut [Resource] {
        &mut self.list
    }

    /// Resources for any change.
    pub(super) fn all_mut(&mut self) -> &mut Vec<Resource> {
        self.ids_changed();
        &mut self.list
    }

    /// Changes one resource. Indexes are dropped only if its ids become others.
    pub(super) fn change(&mut self, at: usize, change: impl FnOnce(&mut Resource)) {
        let Some(resource) = self.list.get_mut(at) else { return };
        let keys = |resource: &Resource| resource.ids().map(|id| id.key()).collect::<BTreeSet<ResId>>();
        let before = keys(resource);
        change(resource);
        if keys(resource) != before {
            self.ids_changed();
        }
    }

    pub(super) fn into_list(self) -> Vec<Resource> {
        self.list
    }

    pub(super) fn ids_changed(&mut self) {
        self.current.take();
        self.any.take();
        self.names.take();
    }

    /// Adds a resource unless one has its id already; then the id is returned with the places of the other and of
    /// what brought it.
    pub(super) fn append(&mut self, resource: Resource) -> Result<(), Box<(ResId, Span, Option<Span>)>> {
        let id = resource.id();
        let key = id.key();
        if let Some(other) = self.with_current_id(&key).first().and_then(|at| self.list.get(*at)) {
            return Err(Box::new((id, other.span(), other.listed)));
        }
        let at = self.list.len();
        if let Some(any) = self.any.get_mut() {
            resource.ids().for_each(|id| note(any, id.key(), at));
        }
        if let Some(names) = self.names.get_mut() {
            resource.names().for_each(|name| note(names, name.into(), at));
        }
        if let Some(current) = self.current.get_mut() {
            current.entry(key).or_default().push(at);
        }
        self.list.push(resource);
        Ok(())
    }

    /// Puts a resource in the place of another.
    pub(super) fn replace(&mut self, at: usize, resource: Resource) {
        self.change(at, |place| *place = resource);
    }

    /// Indexes of the resources with this id; `key` as [`ResId::key`] gives it.
    pub(super) fn with_current_id(&self, key: &ResId) -> &[usize] {
        let index = self.current.get_or_init(|| {
            let mut index: HashMap<ResId, Vec<usize>> = HashMap::with_capacity(self.list.len());
            for (at, resource) in self.list.iter().enumerate() {
                index.entry(resource.id().key()).or_default().push(at);
            }
            index
        });
        index.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    /// Indexes of the resources that have or had this id; `key` as [`ResId::key`] gives it.
    pub(super) fn with_any_id(&self, key: &ResId) -> &[usize] {
        let index = self.any.get_or_init(|| {
            let mut index: HashMap<ResId, Vec<usize>> = HashMap::with_capacity(self.list.len());
            for (at, resource) in self.list.iter().enumerate() {
                resource.ids().for_each(|id| note(&mut index, id.key(), at));
            }
            index
        });
        index.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    /// Indexes of the resources that may have or have had a name as asked for, in order: those of that very name if it is
    /// a word, else all.
    pub(super) fn called(&self, name: Option<&Pattern>) -> impl Iterator<Item = usize> {
        let found = match name {
            Some(Pattern::Word(word)) => {
                let index = self.names.get_or_init(|| {
                    let mut index: HashMap<CompactString, Vec<usize>> = HashMap::with_capacity(self.list.len());
                    for (at, resource) in self.list.iter().enumerate() {
                        resource.names().for_each(|name| note(&mut index, name.into(), at));
                    }
                    index
                });
                Some(index.get(word.as_str()).map(Vec::as_slice).unwrap_or_default())
            }
            _ => None,
        };
        let all = if found.is_none() { 0..self.list.len() } else { 0..0 };
        found.unwrap_or_default().iter().copied().chain(all)
    }

    /// Two resources of one id, which transformers can bring about; the first pair.
    pub(super) fn twice(&self) -> Option<(ResId, &Resource, &Resource)> {
        self.list.iter().find_map(|resource| match self.with_current_id(&resource.id().key()) {
            [first, second, ..] => Some((resource.id(), self.list.get(*first)?, self.list.get(*second)?)),
            _ => None,
        })
    }

    /// Drops resources that patches have emptied.
    pub(super) fn drop_empty(&mut self) {
        if self.list.iter().any(Resource::is_empty) {
            self.ids_changed();
            self.list.retain(|resource| !resource.is_empty());
        }
    }
}
