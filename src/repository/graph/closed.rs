//! Whether everything that could bring an object is in sight.

use std::sync::LazyLock;

use foldhash::{HashMap, HashSet, HashSetExt};

use super::index::Index;
use super::{Question, home, settled};
use crate::kubernetes::is_cluster_scoped;
use crate::repository::Repository;

/// What of the clusters can't be seen in Git.
pub(super) struct World<'a> {
    /// Namespaces of apps that are not all built.
    incomplete: HashSet<&'a str>,
    /// Whether some app is not all built.
    any_incomplete: bool,
    /// Namespaces into which charts are installed that are not rendered.
    charts: HashSet<&'a str>,
    /// Whether such a chart goes to a namespace that is not known.
    chart_anywhere: bool,
    /// Names of those charts.
    chart_names: Vec<&'a str>,
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
            charts: HashSet::new(),
            chart_anywhere: false,
            chart_names: Vec::new(),
            own_chart: false,
        };
        for app in &repository.apps {
            let destination = settled(&app.app.destination.namespace);
            if !app.is_complete() {
                world.any_incomplete = true;
                world.incomplete.insert(destination);
                let own = app.objects.iter().map(|object| home(app, object, &repository.definitions));
                world.incomplete.extend(own);
            }
            for release in &app.releases {
                let namespace = settled(&release.namespace);
                let namespace = if namespace.is_empty() { destination } else { namespace };
                world.chart_anywhere |= namespace.is_empty();
                world.charts.insert(namespace);
                world.chart_names.push(&release.chart.name);
                world.own_chart |= release.chart.directory.is_some();
            }
        }
        world
    }

    /// Whether nothing out of sight could bring the object: then a miss is a mistake.
    pub(super) fn is_closed(&self, question: &Question<'_>, index: &Index<'a>) -> bool {
        let Some(kind) = index.kind(question.group, question.kind) else { return false };
        if is_cluster_scoped(question.group, question.kind) {
            return kind.is_known()
                && !self.any_incomplete
                && !self.own_chart
                && !self.brought_by_charts(question.kind);
        }
        let namespace = question.namespace;
        if namespace.is_empty() || self.incomplete.contains(namespace) {
            return false;
        }
        if is_handwritten(question.kind) {
            return kind.is_known() && !self.own_chart;
        }
        if self.chart_anywhere || self.charts.contains(namespace) {
            return false;
        }
        let owned = index.kind("", "Namespace").is_some_and(|kind| kind.homes.contains_key(namespace));
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
        self.chart_names.iter().any(|chart| brings(chart))
    }
}

static BROUGHT: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let text = include_str!("../../../rules/data/chart-kinds.tsv");
    // The first line that is no comment names the columns.
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    let rows = lines.filter_map(|line| line.split_once('\t'));
    rows.map(|(kind, words)| (kind, words.split(',').collect())).collect()
});
