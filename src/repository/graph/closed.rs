//! Whether everything that could bring an object is in sight.

use std::sync::LazyLock;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use super::chart_classes;
use super::index::Index;
use super::{Question, home, settled};
use crate::gitops::SourceKind;
use crate::kubernetes::{Object, is_cluster_scoped};
use crate::kustomize::ProblemKind;
use crate::references::may_make;
use crate::repository::{BuiltApp, Repository};
use crate::source::Span;
use crate::yaml::Node;

/// A repository with fewer namespaces than this may well leave others to somebody else.
const OWNED_NAMESPACES: usize = 5;

/// A repository that uses so many namespaces is for a whole cluster.
const MANY_NAMESPACES: usize = 8;

/// More custom resources of one namespace than this are not looked at.
const MOST_RESOURCES: usize = 64;

/// Fields of custom resources that lie deeper than this are not looked at.
const DEEPEST_FIELD: usize = 12;

/// Words of names that say nothing of the operator that could make the object.
const COMMON_WORDS: [&str; 14] = [
    "cert",
    "cluster",
    "config",
    "controller",
    "credentials",
    "data",
    "database",
    "default",
    "infra",
    "manager",
    "secret",
    "server",
    "service",
    "settings",
];

/// Whether objects of an app are out of sight, other than those of charts, which are known to be missing by their
/// releases. Unknown values take no objects away.
fn lacks_objects(app: &BuiltApp) -> bool {
    let of_chart = |span: Span| app.releases.iter().any(|release| release.chart_span == span);
    app.app.sources.iter().any(|source| matches!(source.kind, SourceKind::Unresolved))
        || app.problems.iter().any(|problem| problem.loses_objects() && !of_chart(problem.span))
}

/// Whether a field holds the text.
fn holds(node: &Node, text: &str, depth: usize) -> bool {
    let children = node.entries().iter().map(|entry| &entry.value).chain(node.items());
    node.as_str() == Some(text)
        || depth < DEEPEST_FIELD && children.into_iter().any(|child| holds(child, text, depth + 1))
}

/// What of the clusters can't be seen in Git.
pub(super) struct World<'a> {
    /// Namespaces of apps that are not all built.
    incomplete: HashSet<&'a str>,
    /// Whether some app is not all built.
    any_incomplete: bool,
    /// Positions of the apps that are not all built.
    incomplete_apps: HashSet<usize>,
    /// Positions of the apps into which other repositories or charts bring objects.
    open_apps: HashSet<usize>,
    /// Namespaces into which charts are installed that are not rendered, with the names of releases and charts.
    charts: HashMap<&'a str, Vec<&'a str>>,
    /// Name, namespace and place of each release of such a chart.
    releases: Vec<(&'a str, &'a str, Span)>,
    /// Releases by namespace whose objects are called by the release's name alone, since it holds the chart's; with the
    /// chart and the place.
    called_after_chart: HashMap<&'a str, Vec<(&'a str, &'a str, Span)>>,
    /// Custom resources by namespace, whose operators may make objects of names that are not known.
    operated: HashMap<&'a str, Vec<&'a Object>>,
    /// Namespaces that apps and charts are deployed to; controllers make them where they are told to.
    destinations: HashSet<&'a str>,
    /// Namespaces that objects are in.
    homes: HashSet<&'a str>,
    /// Whether this repository makes its namespaces: nearly all that are used are there.
    owns_namespaces: bool,
    /// Whether such a chart goes to a namespace that is not known.
    chart_anywhere: bool,
    /// Names of those charts.
    chart_names: Vec<&'a str>,
    /// Names of those whose StorageClasses are not known.
    charts_with_classes: Vec<&'a str>,
    /// Whether such a chart lies in this repository, so that its authors put in whatever they need.
    own_chart: bool,
}

/// Kinds that people write for their own cluster. Charts of others do not bring them.
pub(super) fn is_handwritten(kind: &str) -> bool {
    matches!(
        kind,
        "Issuer"
            | "ClusterIssuer"
            | "SecretStore"
            | "ClusterSecretStore"
            | "Gateway"
            | "WorkflowTemplate"
            | "ClusterWorkflowTemplate"
            | "Middleware"
            | "MiddlewareTCP"
            | "IPAddressPool"
            | "Cluster"
            | "EventSource"
    )
}

impl<'a> World<'a> {
    /// Looks for what is not built.
    pub(super) fn new(repository: &'a Repository) -> Self {
        let mut world = Self {
            incomplete: HashSet::new(),
            any_incomplete: false,
            incomplete_apps: HashSet::new(),
            open_apps: HashSet::new(),
            charts: HashMap::new(),
            releases: Vec::new(),
            called_after_chart: HashMap::new(),
            operated: HashMap::new(),
            destinations: HashSet::new(),
            homes: HashSet::new(),
            owns_namespaces: false,
            chart_anywhere: false,
            chart_names: Vec::new(),
            charts_with_classes: Vec::new(),
            own_chart: false,
        };
        let mut defined: HashSet<&str> = HashSet::new();
        for (at, app) in repository.apps.iter().enumerate() {
            let destination = settled(&app.app.destination.namespace);
            let homes: Vec<&str> =
                app.objects.iter().map(|object| home(app, object, &repository.definitions)).collect();
            if lacks_objects(app) {
                world.any_incomplete = true;
                world.incomplete.insert(destination);
                world.incomplete_apps.insert(at);
                world.incomplete.extend(homes.iter().copied());
            }
            let not_built = app.problems.iter().any(|problem| problem.kind == ProblemKind::NotBuilt);
            if not_built || !app.releases.is_empty() {
                world.open_apps.insert(at);
            }
            for (object, home) in app.objects.iter().zip(&homes).filter(|(object, _)| may_make(&object.id)) {
                let resources = world.operated.entry(home).or_default();
                if resources.len() < MOST_RESOURCES {
                    resources.push(object);
                }
            }
            world.destinations.insert(destination);
            world.homes.extend(homes);
            let namespaces = app.objects.iter().filter(|object| object.id.is("", "Namespace"));
            defined.extend(namespaces.map(|object| object.id.name.as_str()));
            for release in &app.releases {
                let namespace = settled(&release.namespace);
                let namespace = if namespace.is_empty() { destination } else { namespace };
                world.chart_anywhere |= namespace.is_empty();
                world.destinations.insert(namespace);
                world.charts.entry(namespace).or_default().extend([release.name.as_str(), &release.chart.name]);
                if !namespace.is_empty() {
                    world.releases.push((&release.name, namespace, release.chart_span));
                    let (name, chart) = (release.name.as_str(), release.chart.name.as_str());
                    let renamed =
                        ["fullnameOverride", "nameOverride"].iter().any(|key| release.values.get(key).is_some());
                    if !chart.is_empty() && name.contains(chart) && !renamed && !release.incomplete {
                        let releases = world.called_after_chart.entry(namespace).or_default();
                        releases.push((name, chart, release.chart_span));
                    }
                }
                world.chart_names.push(&release.chart.name);
                if chart_classes::of(release).is_none() {
                    world.charts_with_classes.push(&release.chart.name);
                }
                world.own_chart |= release.chart.directory.is_some();
            }
        }
        world.homes.remove("");
        let strange =
            world.homes.iter().filter(|used| !defined.contains(*used) && !world.destinations.contains(*used)).count();
        world.owns_namespaces = defined.len() >= OWNED_NAMESPACES && strange * 10 <= defined.len();
        world
    }

    /// Whether a namespace would be seen here, if it were this repository's matter: something is in it, or all namespaces
    /// seem to be made or used here.
    pub(super) fn may_know_namespace(&self, namespace: &str, index: &Index<'a>) -> bool {
        self.owns_namespaces
            || self.destinations.len() + self.homes.len() >= MANY_NAMESPACES
            || self.is_home(namespace)
            || self.is_destination(namespace)
            || index.kind("", "Namespace").is_some_and(|kind| kind.homes.contains_key(namespace))
    }

    /// Whether an app is all built.
    pub(super) fn is_whole(&self, app: usize) -> bool {
        !self.incomplete_apps.contains(&app)
    }

    /// Whether an app lacks nothing but files that are named and not there: they are told of already, and no chart or
    /// other repository can bring what is looked for.
    pub(super) fn is_whole_but_for_files(&self, app: usize) -> bool {
        !self.open_apps.contains(&app)
    }

    /// Whether something is deployed to a namespace by an app or chart, whose controller can make it.
    pub(super) fn is_destination(&self, namespace: &str) -> bool {
        self.destinations.contains(namespace)
    }

    /// Whether a chart that is not rendered may bring the object.
    pub(super) fn may_come_from_chart(&self, question: &Question<'_>) -> bool {
        self.is_named_after_chart(question)
            || is_cluster_scoped(question.group, question.kind) && self.brought_by_charts(question.kind)
    }

    /// Namespace and place of the release that a name is made after, if only one is.
    pub(super) fn only_release_for(&self, name: &str) -> Option<(&'a str, Span)> {
        let after = |of: &str| {
            of.len() > 2 && name.strip_prefix(of).is_some_and(|rest| rest.starts_with('-') || rest.is_empty())
        };
        let mut found = self.releases.iter().filter(|(release, ..)| after(release));
        let (_, namespace, span) = found.next()?;
        found.all(|(_, other, _)| other == namespace).then_some((*namespace, *span))
    }

    /// Name and place of the release that a name puts the chart's name behind, though the release's holds it already.
    pub(super) fn release_doubled(&self, question: &Question<'_>) -> Option<(&'a str, Span)> {
        let releases = self.called_after_chart.get(question.namespace)?;
        let meant = |(release, chart, _): &&(&str, &str, Span)| {
            question.name.strip_prefix(release).and_then(|rest| rest.strip_prefix('-')) == Some(chart)
        };
        releases.iter().find(meant).map(|(release, _, span)| (*release, *span))
    }

    /// Whether objects are in a namespace.
    pub(super) fn is_home(&self, namespace: &str) -> bool {
        self.homes.contains(namespace)
    }

    /// Whether a chart that is not rendered may bring the object, by the custom of naming it after release or chart.
    pub(super) fn is_named_after_chart(&self, question: &Question<'_>) -> bool {
        let after = |name: &str, of: &str| {
            !of.is_empty() && name.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        let charts = self.charts.get(question.namespace).map(Vec::as_slice).unwrap_or_default();
        charts.iter().any(|of| after(question.name, of) || after(of, question.name))
    }

    /// Whether a custom resource of the namespace is called, or is of a kind called, like what is looked for: `postgres-pod`
    /// beside a `Postgresql`; or whether one other than who asks names it. Its operator may make it.
    fn is_akin_to_resource(&self, question: &Question<'_>) -> bool {
        let resources = self.operated.get(question.namespace).map(Vec::as_slice).unwrap_or_default();
        let words = question.name.split(['-', '.', '_']).filter(|word| word.len() > 3 && !COMMON_WORDS.contains(word));
        let of_all = self.operated.get("").map(Vec::as_slice).unwrap_or_default();
        let mut naming =
            resources.iter().chain(of_all).filter(|object| question.by.is_none_or(|by| !std::ptr::eq(by, **object)));
        words.into_iter().any(|word| {
            resources
                .iter()
                .map(|object| &object.id)
                .any(|id| id.kind.to_ascii_lowercase().contains(word) || id.group.contains(word))
        }) || naming.any(|object| object.root.get("spec").is_some_and(|spec| holds(spec, question.name, 0)))
    }

    /// Whether nothing out of sight could bring the object: then a miss is a mistake.
    pub(super) fn is_closed(&self, question: &Question<'_>, index: &Index<'a>) -> bool {
        if (question.group, question.kind) == ("", "Namespace") {
            // Some charts make a namespace beside their own.
            let after_chart = self.chart_names.iter().any(|chart| question.name.starts_with(chart));
            return self.owns_namespaces && !after_chart;
        }
        let Some(kind) = index.kind(question.group, question.kind) else { return false };
        if is_cluster_scoped(question.group, question.kind) {
            return kind.is_known()
                && !self.any_incomplete
                && !self.own_chart
                && !self.brought_by_charts(question.kind);
        }
        let namespace = question.namespace;
        if namespace.is_empty() || self.incomplete.contains(namespace) || self.is_akin_to_resource(question) {
            return false;
        }
        if is_handwritten(question.kind) {
            return kind.is_known() && !self.own_chart;
        }
        if self.chart_anywhere || self.charts.contains_key(namespace) {
            return false;
        }
        // Secrets are what people most often make by hand: a namespace without any says nothing of them.
        if question.kind == "Secret" {
            return kind.namespaces.contains_key(namespace);
        }
        // What counts of custom resources is that some of the kind are here: others of the namespace may be another
        // repository's.
        let is_custom = question.group.contains('.') && question.group != "rbac.authorization.k8s.io";
        let owned = !is_custom && index.kind("", "Namespace").is_some_and(|kind| kind.homes.contains_key(namespace));
        owned || kind.namespaces.contains_key(namespace)
    }

    /// Whether a miss in a place that is not closed is still worth a word: of a kind that people write themselves, and
    /// of which this repository has some.
    pub(super) fn is_likely(&self, question: &Question<'_>, index: &Index<'a>) -> bool {
        let known = index.kind(question.group, question.kind).is_some_and(super::index::Kind::is_known);
        let place_known = !question.namespace.is_empty() || is_cluster_scoped(question.group, question.kind);
        known && place_known && is_handwritten(question.kind)
    }

    /// Whether objects may be missing that a file of this repository would bring.
    pub(super) fn may_hide_own(&self) -> bool {
        self.any_incomplete || self.own_chart
    }

    fn brought_by_charts(&self, kind: &str) -> bool {
        let Some(words) = BROUGHT.get(kind) else { return false };
        let brings = |chart: &str| words.iter().any(|word| *word == "*" || chart.contains(word));
        let charts = if kind == "StorageClass" { &self.charts_with_classes } else { &self.chart_names };
        charts.iter().any(|chart| brings(chart))
    }
}

static BROUGHT: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let text = include_str!("../../../rules/data/chart-kinds.tsv");
    // The first line that is no comment names the columns.
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    let rows = lines.filter_map(|line| line.split_once('\t'));
    rows.map(|(kind, words)| (kind, words.split(',').collect())).collect()
});
