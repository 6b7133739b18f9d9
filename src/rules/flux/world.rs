//! Flux's objects as the cluster gets them, to be found by kind, namespace and name.

use std::cell::{Cell, OnceCell};

use foldhash::{HashMap, HashMapExt, HashSet};

use crate::finding::{Confidence, Finding, nearest};
use crate::gitops::{Declared, SourceKind, Standing};
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::source::Span;
use crate::unresolved::Cause;
use crate::yaml::Node;

/// The name that `flux bootstrap` and the Flux Operator give to the source and Kustomization of the cluster itself.
/// Neither needs to be in Git.
const BOOTSTRAP: &str = "flux-system";

/// Names that are compared with names that lead nowhere, in all. Beyond it there are no suggestions.
const MOST_COMPARISONS: usize = 2_000_000;

/// Kinds that are taken for each other.
const ALIKE: [&[&str]; 2] = [
    &["Kustomization", "HelmRelease"],
    &["HelmRepository", "OCIRepository", "GitRepository", "Bucket", "HelmChart", "ExternalArtifact"],
];

/// An object of Flux.
#[derive(Clone, Copy)]
pub(super) struct Member<'a> {
    /// As it is built; as it is written, where no build holds it.
    pub(super) object: &'a Object,
    /// Where it ends up; empty where nobody says.
    pub(super) namespace: &'a str,
    /// What builds it; `None` where no build holds it.
    pub(super) app: Option<&'a BuiltApp>,
}

/// What became of a name that was looked for.
pub(super) enum Found<'a> {
    /// It is there, or may be.
    There,
    /// It is in another namespace.
    OtherNamespace(Member<'a>),
    /// An object of Flux of another kind has the name.
    OtherKind(Member<'a>),
    /// Another name was probably meant.
    Near(&'a str, Option<Member<'a>>),
    /// Nothing is like it.
    Missing,
}

/// All of them.
pub(super) struct World<'a> {
    members: Vec<Member<'a>>,
    by_name: HashMap<&'a str, Vec<usize>>,
    /// Positions of those whose name holds a variable.
    unsettled: Vec<usize>,
    /// ConfigMaps and Secrets of every app by name, with their namespaces; read when the first is asked for.
    settings: OnceCell<HashMap<&'a str, Vec<(&'a Object, &'a str)>>>,
    /// How many names may still be compared with names that lead nowhere.
    comparisons: Cell<usize>,
    /// Whether objects of Flux may come from elsewhere: another repository, or a template.
    pub(super) open: bool,
    /// Whether a parent patches variables into its children, so that what no parent builds lacks them.
    patches_variables: bool,
    repository: &'a Repository,
}

impl<'a> World<'a> {
    pub(super) fn of(repository: &'a Repository) -> Self {
        let mut members = Vec::new();
        let mut built = HashSet::default();
        for app in &repository.apps {
            for object in app.objects.iter().filter(|object| is_flux(object)) {
                built.insert(object.name_span());
                members.push(Member { object, namespace: app.namespace_of(object), app: Some(app) });
            }
        }
        let written = repository.inventory.declarations.iter().filter(|object| is_flux(object));
        let written = written.filter(|object| !built.contains(&object.name_span()));
        members.extend(written.map(|object| Member { object, namespace: &object.id.namespace, app: None }));
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut unsettled = Vec::new();
        for (at, member) in members.iter().enumerate() {
            by_name.entry(member.object.id.name.as_str()).or_default().push(at);
            if member
                .object
                .root
                .at(&["metadata", "name"])
                .and_then(Node::value_text)
                .is_some_and(|name| name.contains("${"))
            {
                unsettled.push(at);
            }
        }
        let open = repository.apps.iter().any(holds_unknown_objects);
        let patches_variables = members.iter().any(|member| {
            let patches = member.object.root.at(&["spec", "patches"]).map(Node::items).unwrap_or_default();
            let texts = patches.iter().filter_map(|patch| patch.get("patch")?.value_text());
            member.object.id.kind == "Kustomization" && texts.into_iter().any(|text| text.contains("postBuild"))
        });
        Self {
            members,
            by_name,
            unsettled,
            settings: OnceCell::new(),
            comparisons: Cell::new(MOST_COMPARISONS),
            open,
            patches_variables,
            repository,
        }
    }

    /// Those that a build holds and that are of a kind.
    pub(super) fn built(&self, kind: &str) -> impl Iterator<Item = (Member<'a>, &'a BuiltApp)> {
        self.of_kind(kind).filter_map(|member| Some((member, member.app?)))
    }

    /// Whether the variables that a Kustomization defines are those it has in the cluster.
    pub(super) fn has_its_variables(&self, member: Member<'a>) -> bool {
        let is_deployed = member.app.is_some_and(|app| app.app.declared.span().is_some());
        (is_deployed || !self.patches_variables) && !member.object.id.name.contains("${")
    }

    fn of_kind(&self, kind: &str) -> impl Iterator<Item = Member<'a>> {
        self.members.iter().copied().filter(move |member| member.object.id.kind == kind)
    }

    /// Those of a kind and name that may be in the namespace.
    pub(super) fn named(&self, kind: &str, namespace: &str, name: &str) -> impl Iterator<Item = Member<'a>> {
        self.same_name(kind, name).filter(move |member| may_be(member.namespace, namespace))
    }

    /// The ConfigMaps or Secrets of a name that some app deploys, with their namespaces.
    pub(super) fn settings(&self, kind: &str, name: &str) -> impl Iterator<Item = (&'a Object, &'a str)> {
        let all = self.settings.get_or_init(|| {
            let mut all: HashMap<&str, Vec<_>> = HashMap::new();
            let of_kind = |kind| self.repository.objects_of("", kind);
            for (app, object) in of_kind("ConfigMap").chain(of_kind("Secret")) {
                all.entry(object.id.name.as_str()).or_default().push((object, app.namespace_of(object)));
            }
            all
        });
        let found = all.get(name).map(Vec::as_slice).unwrap_or_default();
        found.iter().copied().filter(move |(object, _)| object.id.kind == kind)
    }

    fn unsettled(&self, kind: &str) -> impl Iterator<Item = Member<'a>> {
        let found = self.unsettled.iter().filter_map(|at| self.members.get(*at)).copied();
        found.filter(move |member| member.object.id.kind == kind)
    }

    fn same_name(&self, kind: &str, name: &str) -> impl Iterator<Item = Member<'a>> {
        let found = self.by_name.get(name).map(Vec::as_slice).unwrap_or_default();
        found.iter().filter_map(|at| self.members.get(*at)).copied().filter(move |member| member.object.id.kind == kind)
    }

    /// Whether no declaration is of this kind, and no setting speaks of the name.
    pub(super) fn is_unheard_of(&self, kind: &str, name: &str) -> bool {
        name != BOOTSTRAP && self.of_kind(kind).next().is_none() && !self.repository.config.is_external(kind, "", name)
    }

    /// Looks for an object. `known` are names that are known to exist though nothing here declares them.
    pub(super) fn find(&self, kind: &str, namespace: &str, name: &str, known: &[&'a str]) -> Found<'a> {
        let is_bootstrap = name == BOOTSTRAP && kind != "HelmRelease" && kind != "HelmRepository";
        let is_there = is_bootstrap
            || known.contains(&name)
            || self.named(kind, namespace, name).next().is_some()
            || self.repository.config.is_external(kind, namespace, name)
            || self.unsettled(kind).any(|member| may_become(member.object, name));
        if is_there {
            return Found::There;
        }
        if let Some(member) = self.same_name(kind, name).next() {
            return Found::OtherNamespace(member);
        }
        let neighbours = || self.of_kind(kind).filter(|member| may_be(member.namespace, namespace));
        let left = self.comparisons.get().checked_sub(self.members.len() + known.len());
        self.comparisons.set(left.unwrap_or(0));
        if left.is_none() {
            return if self.open { Found::There } else { Found::Missing };
        }
        let names = neighbours().map(|member| member.object.id.name.as_str()).filter(|name| !name.is_empty());
        if let Some(near) = slip(name, names.chain(known.iter().copied())) {
            return Found::Near(near, neighbours().find(|member| member.object.id.name == near));
        }
        let alike = ALIKE.iter().find(|kinds| kinds.contains(&kind)).copied().unwrap_or_default();
        let other = alike.iter().find_map(|other| self.named(other, namespace, name).next());
        match other {
            Some(member) => Found::OtherKind(member),
            None if self.open || neighbours().next().is_none() => Found::There,
            None => Found::Missing,
        }
    }
}

/// The end of a message that says where the name is missing.
pub(super) fn missing_words(found: &Found<'_>, namespace: &str) -> Option<String> {
    let place = if namespace.is_empty() { String::new() } else { format!(" in namespace `{namespace}`") };
    match found {
        Found::There => None,
        Found::OtherNamespace(member) => Some(format!("which is in namespace `{}`, not{place}", member.namespace)),
        Found::OtherKind(member) => Some(format!("but this name belongs to a {}", member.object.id.kind)),
        Found::Near(..) | Found::Missing => Some(format!("which nothing declares{place}")),
    }
}

/// Adds the nearest right name and its place.
pub(super) fn add_nearest(finding: &mut Finding, found: &Found<'_>) {
    let mut relate = |span: Span, object: &Object| {
        finding.related(span, object.id.to_string());
    };
    match found {
        Found::There => {}
        Found::OtherNamespace(member) => {
            relate(member.object.name_span(), member.object);
            finding.help(format!("write `namespace: {}` beside the name", member.namespace));
        }
        Found::OtherKind(member) => {
            relate(member.object.name_span(), member.object);
        }
        Found::Near(near, member) => {
            if let Some(member) = member {
                relate(member.object.name_span(), member.object);
            }
            finding.help(format!("did you mean `{near}`?"));
        }
        Found::Missing => {
            finding.confidence(Confidence::Medium);
        }
    }
}

/// The candidate that differs from the name by a slip of the hand, not by a word.
pub(super) fn slip<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 5).clamp(1, 3);
    nearest(name, candidates).filter(|near| strsim::damerau_levenshtein(name, near) <= limit)
}

/// Whether two namespaces may be the same: an empty one is not known.
pub(super) fn may_be(own: &str, wanted: &str) -> bool {
    own.is_empty() || wanted.is_empty() || own == wanted
}

/// Whether a name that holds a variable may become this one.
fn may_become(object: &Object, name: &str) -> bool {
    let Some(text) = object.root.at(&["metadata", "name"]).and_then(Node::value_text) else { return false };
    let (Some((before, _)), Some((_, after))) = (text.split_once("${"), text.rsplit_once('}')) else { return false };
    name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
}

fn is_flux(object: &Object) -> bool {
    object.id.group.ends_with(".toolkit.fluxcd.io")
}

fn holds_unknown_objects(app: &BuiltApp) -> bool {
    let is_unknown = app.app.standing == Standing::Deployed
        && matches!(app.app.declared, Declared::FluxKustomization(_))
        && app.app.sources.iter().any(|source| matches!(source.kind, SourceKind::Unresolved))
        && app.unresolved.iter().any(|unresolved| unresolved.cause != Cause::Missing);
    is_unknown || app.objects.iter().any(|object| object.id.is("fluxcd.controlplane.io", "ResourceSet"))
}
