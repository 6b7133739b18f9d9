//! What was probably meant by a name that nothing has.

use std::sync::OnceLock;

use compact_str::CompactString;
use foldhash::{HashMap, HashMapExt, HashSet};

use super::Question;
use super::closed::World;
use super::index::{Index, Kind};
use crate::finding::{is_slip, nearest};
use crate::kubernetes::{Object, ObjectId, is_cluster_scoped};
use crate::repository::Repository;
use crate::source::Span;

/// Names that are compared with names that lead nowhere, in all. A repository of ten thousand objects stays far below
/// it; beyond it, findings come without a suggestion.
const MOST_COMPARISONS: usize = 200_000;

/// What was probably meant.
#[derive(Clone, Debug)]
pub struct Near {
    /// Why it is near.
    pub nearness: Nearness,
    /// Kind.
    pub kind: CompactString,
    /// Namespace; empty if the kind has none or it is not known.
    pub namespace: CompactString,
    /// Name.
    pub name: CompactString,
    /// Where it is written.
    pub span: Span,
}

/// Why something is near to what is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Nearness {
    /// Its name is spelled nearly so.
    Spelling,
    /// It has the name, in another namespace.
    OtherNamespace,
    /// It has the name, but is of a neighbouring kind.
    OtherKind,
    /// It has the name, in a file that no app applies.
    NotApplied,
    /// It is just that, but only in another cluster.
    OtherCluster,
    /// It is just that, but only in another build of the same files, such as the overlay for another cluster.
    OtherVariant,
}

/// The kind that is easily taken for this one.
pub(super) fn sibling<'a>((group, kind): (&'a str, &'a str)) -> Option<(&'a str, &'static str)> {
    Some((
        group,
        match (group, kind) {
            ("", "Secret") => "ConfigMap",
            ("", "ConfigMap") => "Secret",
            ("cert-manager.io", "Issuer") => "ClusterIssuer",
            ("cert-manager.io", "ClusterIssuer") => "Issuer",
            ("external-secrets.io", "SecretStore") => "ClusterSecretStore",
            ("external-secrets.io", "ClusterSecretStore") => "SecretStore",
            ("argoproj.io", "WorkflowTemplate") => "ClusterWorkflowTemplate",
            ("argoproj.io", "ClusterWorkflowTemplate") => "WorkflowTemplate",
            ("argoproj.io", "AnalysisTemplate") => "ClusterAnalysisTemplate",
            ("argoproj.io", "ClusterAnalysisTemplate") => "AnalysisTemplate",
            ("rbac.authorization.k8s.io", "Role") => "ClusterRole",
            ("rbac.authorization.k8s.io", "ClusterRole") => "Role",
            _ => return None,
        },
    ))
}

/// Places of manifests with their namespaces, by kind and name.
type Written = HashMap<(CompactString, CompactString), Vec<(CompactString, Span)>>;

/// A search over the whole repository, with its budget.
pub(super) struct Search<'a, 'i> {
    repository: &'a Repository,
    index: &'i Index<'a>,
    world: &'i World<'a>,
    comparisons: usize,
    written: OnceLock<Written>,
    /// Names of objects that lie beside a kustomization which does not list them.
    unlisted: HashSet<Span>,
}

impl<'a, 'i> Search<'a, 'i> {
    pub(super) fn new(repository: &'a Repository, index: &'i Index<'a>, world: &'i World<'a>) -> Self {
        let unlisted = repository.apps.iter().filter(|app| repository.is_unlisted(app));
        let unlisted = unlisted.flat_map(|app| &app.objects).map(Object::name_span).collect();
        Self { repository, index, world, comparisons: 0, written: OnceLock::new(), unlisted }
    }

    /// What was probably meant. `None` if the miss is not worth a word: nothing is near, and something out of sight may
    /// bring the object.
    pub(super) fn near(&mut self, question: &Question<'_>, closed: bool) -> Option<Option<Near>> {
        if let Some(written) = self.written(question).filter(|_| !self.world.may_come_from_chart(question)) {
            // A file has it. Where not everything is built, it may well be applied, unless it lies beside a kustomization
            // that does not list it.
            let unlisted = self.unlisted.contains(&written.span);
            return (unlisted || !self.world.may_hide_own()).then_some(Some(written));
        }
        let near = self
            .other_kind(question)
            .or_else(|| self.other_namespace(question, closed))
            .or_else(|| self.spelling(question, closed))
            .or_else(|| self.longer_namespace(question))
            .or_else(|| self.of_release(question))
            .or_else(|| self.doubled(question));
        (near.is_some() || closed || self.world.is_likely(question, self.index)).then_some(near)
    }

    fn other_kind(&self, question: &Question<'_>) -> Option<Near> {
        let (group, kind) = sibling((question.group, question.kind))?;
        let found = self.index.kind(group, kind)?;
        let cluster = is_cluster_scoped(group, kind);
        let home = if cluster { "" } else { question.namespace };
        let definition = found.namespaces.get(home)?.get(question.name)?.first()?;
        Some(Near {
            nearness: Nearness::OtherKind,
            kind: kind.into(),
            namespace: home.into(),
            name: question.name.into(),
            span: definition.span,
        })
    }

    fn other_namespace(&self, question: &Question<'_>, closed: bool) -> Option<Near> {
        if question.namespace.is_empty() {
            return None;
        }
        let kind = self.index.kind(question.group, question.kind)?;
        let homes = kind.homes.get(question.name)?;
        if !closed && self.world.is_named_after_chart(question) || self.is_others_matter(question) {
            return None;
        }
        // A name that several namespaces have is a common one, which whatever is out of sight may have too.
        let home = homes.first().filter(|_| closed || homes.len() == 1)?;
        let definition = kind.namespaces.get(home)?.get(question.name)?.first()?;
        Some(Near {
            nearness: Nearness::OtherNamespace,
            kind: question.kind.into(),
            namespace: home.clone(),
            name: question.name.into(),
            span: definition.span,
        })
    }

    /// Whether a Service of a namespace that nothing here is in may be another repository's, which has a program of the same
    /// name. Where most namespaces are made here, this one would be too.
    fn is_others_matter(&self, question: &Question<'_>) -> bool {
        (question.group, question.kind) == ("", "Service")
            && !self.world.may_know_namespace(question.namespace, self.index)
    }

    /// The release elsewhere that a Service is named after, if nothing at all is in the namespace that is asked for.
    fn of_release(&self, question: &Question<'_>) -> Option<Near> {
        let unknown = !self.world.is_home(question.namespace) && !self.world.is_destination(question.namespace);
        let is_service = (question.group, question.kind) == ("", "Service");
        let defined = self.index.kind("", "Namespace").is_some_and(|kind| kind.homes.contains_key(question.namespace));
        if !is_service || !unknown || defined || question.namespace.is_empty() {
            return None;
        }
        let (namespace, span) = self.world.only_release_for(question.name)?;
        Some(Near {
            nearness: Nearness::OtherNamespace,
            kind: question.kind.into(),
            namespace: namespace.into(),
            name: question.name.into(),
            span,
        })
    }

    /// The Service whose name is written twice, as `tsdb-tsdb` for `tsdb`: charts put their own name behind that of the
    /// release, unless the release is called after the chart.
    fn doubled(&self, question: &Question<'_>) -> Option<Near> {
        if (question.group, question.kind) != ("", "Service") || question.namespace.is_empty() {
            return None;
        }
        let near = |name: &str, span: Span| Near {
            nearness: Nearness::Spelling,
            kind: question.kind.into(),
            namespace: question.namespace.into(),
            name: name.into(),
            span,
        };
        if let Some((release, span)) = self.world.release_doubled(question) {
            return Some(near(release, span));
        }
        let (half, other) = question.name.split_at_checked(question.name.len() / 2)?;
        let is_twice = other.strip_prefix('-') == Some(half);
        if !is_twice || self.world.is_named_after_chart(question) {
            return None;
        }
        let names = self.index.kind("", "Service")?.namespaces.get(question.namespace)?;
        Some(near(half, names.get(half)?.first()?.span))
    }

    /// The one namespace whose name is this one and more: `longhorn-system` for `longhorn`.
    fn longer_namespace(&self, question: &Question<'_>) -> Option<Near> {
        if (question.group, question.kind) != ("", "Namespace") || self.world.is_home(question.name) {
            return None;
        }
        let kind = self.index.kind("", "Namespace")?;
        let longer = |name: &str| name.strip_prefix(question.name).is_some_and(|rest| rest.starts_with('-'));
        let names = kind.namespaces.get("")?;
        let mut found = names.iter().filter(|(name, _)| longer(name));
        let (name, definitions) = found.next()?;
        let only = found.next().is_none();
        let definition = definitions.first().filter(|_| only)?;
        Some(Near {
            nearness: Nearness::Spelling,
            kind: question.kind.into(),
            namespace: CompactString::default(),
            name: name.clone(),
            span: definition.span,
        })
    }

    fn spelling(&mut self, question: &Question<'_>, closed: bool) -> Option<Near> {
        let kind = self.index.kind(question.group, question.kind)?;
        let own = self.spelling_in(kind, question, question.namespace, closed);
        // What people write once for the whole cluster is looked for in every namespace.
        if own.is_none() && super::closed::is_handwritten(question.kind) && !question.namespace.is_empty() {
            let mut homes: Vec<&CompactString> = kind.namespaces.keys().collect();
            homes.sort();
            return homes.into_iter().find_map(|home| self.spelling_in(kind, question, home, closed));
        }
        own
    }

    fn spelling_in(&mut self, kind: &Kind<'a>, question: &Question<'_>, home: &str, closed: bool) -> Option<Near> {
        let names = kind.namespaces.get(home)?;
        self.comparisons += names.len();
        if self.comparisons > MOST_COMPARISONS {
            return None;
        }
        let name = nearest(question.name, names.keys().map(CompactString::as_str))?;
        if !closed && !is_slip(question.name, name) {
            return None;
        }
        let definition = names.get(name)?.first()?;
        Some(Near {
            nearness: Nearness::Spelling,
            kind: question.kind.into(),
            namespace: home.into(),
            name: name.into(),
            span: definition.span,
        })
    }

    /// The object in some file that is part of no app.
    fn written(&self, question: &Question<'_>) -> Option<Near> {
        // A name that some app has elsewhere is not left out, but in another namespace.
        if self.index.kind(question.group, question.kind)?.homes.contains_key(question.name) {
            return None;
        }
        let written = self.written.get_or_init(|| written(self.repository));
        let places = written.get(&(question.kind.into(), question.name.into()))?;
        let fits =
            |namespace: &str| namespace.is_empty() || question.namespace.is_empty() || namespace == question.namespace;
        let (namespace, span) = places.iter().find(|(namespace, _)| fits(namespace))?;
        Some(Near {
            nearness: Nearness::NotApplied,
            kind: question.kind.into(),
            namespace: namespace.clone(),
            name: question.name.into(),
            span: *span,
        })
    }
}

/// Every manifest that no app applies as it is written, by kind and name.
fn written(repository: &Repository) -> Written {
    let listed = repository.apps.iter().filter(|app| !repository.is_unlisted(app));
    let applied: HashSet<Span> = listed.flat_map(|app| &app.objects).map(|object| object.root.span).collect();
    let mut all = Written::new();
    for file in repository.files.sources.files().iter().filter(|file| crate::is_yaml(&file.path)) {
        let stream = repository.files.stream(file.id);
        let roots = stream.documents.iter().filter_map(|document| document.root.as_ref());
        for root in roots.filter(|root| !applied.contains(&root.span)) {
            let Some(id) = ObjectId::of(root) else { continue };
            let span = root.at(&["metadata", "name"]).map_or(root.span, |name| name.span);
            let places: &mut Vec<_> = all.entry((id.kind, id.name)).or_default();
            if places.len() < 8 {
                places.push((id.namespace, span));
            }
        }
    }
    all
}
