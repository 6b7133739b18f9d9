//! `presync apps`: what is deployed, from where, bound how, and what could not be resolved; as a table and as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::{Paths, visible};
use crate::gitops::{App, AppSource, Declared, SourceKind, Standing};
use crate::helm::{Binding, Release};
use crate::kustomize::ProblemKind;
use crate::repository::{BuiltApp, Repository};
use crate::source::{FileId, RepoPath, Span};
use crate::unresolved::Cause;

/// A reason that more apps than this have is told once, at the end.
const MOST_REPEATED: usize = 3;

/// A cell that is wider pushes the rest of its own row, not of all.
const WIDEST: usize = 36;

/// Titles of the columns, and whether a column stands where no app has anything in it.
const COLUMNS: [(&str, bool); 7] = [
    ("APP", true),
    ("DECLARED", true),
    ("DESTINATION", false),
    ("PROJECT", false),
    ("OBJECTS", true),
    ("UNRESOLVED", false),
    ("AT", false),
];

/// A line for each app, and below it its sources and what could not be resolved. `shown` chooses the apps.
///
/// # Errors
/// If the writer fails.
pub fn text(
    repository: &Repository,
    paths: &Paths,
    shown: &dyn Fn(&RepoPath) -> bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let view = View { repository, paths };
    let apps: Vec<&BuiltApp> = repository.apps.iter().filter(|app| view.lies_in(app, shown)).collect();
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    for app in &apps {
        let reasons: BTreeSet<&str> = unresolved(app).into_iter().map(|(reason, ..)| reason).collect();
        reasons.into_iter().for_each(|reason| *told.entry(reason).or_default() += 1);
    }
    told.retain(|_, count| *count > MOST_REPEATED);
    let rows: Vec<[String; COLUMNS.len()]> = apps.iter().map(|app| view.row(app)).collect();
    let mut widths = COLUMNS.map(|(title, always)| if always { title.width() } else { 0 });
    for row in &rows {
        for ((width, cell), (title, _)) in widths.iter_mut().zip(row).zip(COLUMNS) {
            if !cell.is_empty() {
                *width = (*width).max(cell.width().min(WIDEST)).max(title.width());
            }
        }
    }
    if !rows.is_empty() {
        writeln!(out, "{}", line(&COLUMNS.map(|(title, _)| title), &widths))?;
    }
    for (app, row) in apps.iter().zip(&rows) {
        writeln!(out, "{}", line(&row.each_ref().map(String::as_str), &widths))?;
        for source in view.sources(app) {
            writeln!(out, "  {}", visible::line(&source))?;
        }
        for (reason, _, span) in unresolved(app).into_iter().filter(|(reason, ..)| !told.contains_key(reason)) {
            let place = span.map(|span| format!(" ({})", view.place(span))).unwrap_or_default();
            writeln!(out, "  not resolved: {}", visible::line(&format!("{reason}{place}")))?;
        }
    }
    for (reason, count) in &told {
        writeln!(out, "\nNot resolved in {}: {}", counted(*count, "app"), visible::line(reason))?;
    }
    let mut list = |title: &str, lines: Vec<String>| -> io::Result<()> {
        if !lines.is_empty() {
            writeln!(out, "\n{title}")?;
        }
        lines.iter().try_for_each(|line| writeln!(out, "  {}", visible::line(line)))
    };
    let asked = |file: &FileId| shown(&repository.files.sources.file(*file).path);
    let unbound = repository.unbound_values().into_iter().filter(asked);
    list("Nothing says which chart these values files are for:", unbound.map(|file| view.path(file)).collect())?;
    let unread = repository.unread().into_iter().filter(|(file, _)| asked(file));
    let unread = unread.map(|(file, what)| format!("{} ({what})", view.path(file)));
    list("These deploy too, and presync does not read them:", unread.collect())?;
    writeln!(out, "{}{}", if rows.is_empty() { "" } else { "\n" }, view.summary())
}

/// The cells under each other; a column of no width is left out.
fn line(cells: &[&str; COLUMNS.len()], widths: &[usize; COLUMNS.len()]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths).filter(|(_, width)| **width > 0) {
        line.push_str(cell);
        line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width()) + 2));
    }
    line.truncate(line.trim_end().len());
    line
}

/// The same as JSON: `apps` and `coverage`.
pub fn json(repository: &Repository, paths: &Paths) -> Value {
    let view = View { repository, paths };
    let apps: Vec<Value> = repository.apps.iter().map(|app| view.json(app)).collect();
    let unbound: Vec<String> = repository.unbound_values().into_iter().map(|file| view.path(file)).collect();
    let unread: Vec<Value> =
        repository.unread().into_iter().map(|(file, what)| json!({ "path": view.path(file), "kind": what })).collect();
    json!({ "version": 1, "apps": apps, "unbound": unbound, "unread": unread, "coverage": repository.coverage() })
}

struct View<'a> {
    repository: &'a Repository,
    paths: &'a Paths,
}

impl View<'_> {
    /// Whether the app is declared at a place that is asked for, or made of what lies there.
    fn lies_in(&self, built: &BuiltApp, shown: &dyn Fn(&RepoPath) -> bool) -> bool {
        let path = |file: FileId| self.repository.files.sources.file(file).path.clone();
        let declared = built.app.declared.span().is_some_and(|span| shown(&path(span.file)));
        let made_of = |source: &AppSource| match &source.kind {
            SourceKind::Kustomize { directory, .. } => shown(directory),
            SourceKind::Directory { files } => files.iter().any(shown),
            SourceKind::Helm(_) | SourceKind::Unresolved => false,
        };
        let values = |release: &Release| {
            release.files.iter().any(|file| shown(&path(*file))) || release.chart.directory.as_ref().is_some_and(shown)
        };
        declared || built.app.sources.iter().any(made_of) || built.releases.iter().any(values)
    }

    fn row(&self, built: &BuiltApp) -> [String; COLUMNS.len()] {
        let app = &built.app;
        let destination = match (app.destination.cluster.as_str(), app.destination.namespace.as_str()) {
            ("" | "https://kubernetes.default.svc" | "in-cluster", namespace) => namespace.to_owned(),
            (cluster, "") => cluster.to_owned(),
            (cluster, namespace) => format!("{namespace} on {cluster}"),
        };
        let standing = match app.standing {
            Standing::Deployed => "",
            Standing::Sample => ", sample",
            Standing::Retired => ", put away",
            Standing::Unlisted => ", on no list",
        };
        let cells = [
            app.name.clone(),
            format!("{}{standing}", kind(app.declared)),
            destination,
            app.project.clone(),
            match built.releases.len() {
                0 => built.objects.len().to_string(),
                charts => format!("{} + {}", built.objects.len(), counted(charts, "chart")),
            },
            match unresolved(built).len() {
                0 => String::new(),
                count => count.to_string(),
            },
            self.declared(app),
        ];
        cells.map(|cell| visible::line(&cell).into_owned())
    }

    fn sources(&self, built: &BuiltApp) -> Vec<String> {
        let app = &built.app;
        let mut sources: Vec<String> = app.sources.iter().map(|source| self.source(app, source)).collect();
        // Charts that a kustomization inflates belong to no source of their own.
        let own = |release: &&Release| !releases_of(app).any(|own| own.chart_span == release.chart_span);
        sources.extend(built.releases.iter().filter(own).map(|release| self.chart(release)));
        // For a root on disk, the name says it already.
        sources.retain(|source| !source.is_empty() && *source != format!("kustomization {}", app.name));
        sources
    }

    fn json(&self, built: &BuiltApp) -> Value {
        let app = &built.app;
        let releases: Vec<Value> = built
            .releases
            .iter()
            .map(|release| {
                let files = release.files.iter().map(|file| self.path(*file));
                json!({
                    "chart": release.chart.name,
                    "repository": release.chart.repository,
                    "version": release.chart.version,
                    "directory": release.chart.directory.as_ref().map(|directory| self.paths.display(directory)),
                    "name": release.name,
                    "namespace": release.namespace,
                    "values": files.collect::<Vec<_>>(),
                    "binding": binding(release.binding),
                    "complete": !release.incomplete,
                })
            })
            .collect();
        let unresolved: Vec<Value> = unresolved(built)
            .into_iter()
            .map(|(reason, cause, span)| json!({ "reason": reason, "cause": cause, "at": span.map(|span| self.place(span)) }))
            .collect();
        json!({
            "name": app.name,
            "declared": kind(app.declared),
            "at": self.declared(app),
            "destination": { "cluster": app.destination.cluster, "namespace": app.destination.namespace },
            "project": app.project,
            "sources": app.sources.iter().map(|source| self.source(app, source)).collect::<Vec<_>>(),
            "releases": releases,
            "objects": built.objects.len(),
            "sample": app.standing != Standing::Deployed,
            "standing": match app.standing {
                Standing::Deployed => "deployed",
                Standing::Sample => "sample",
                Standing::Retired => "put-away",
                Standing::Unlisted => "unlisted",
            },
            "complete": built.is_complete(),
            "unresolved": unresolved,
        })
    }

    /// Where the app is declared; for a root found on disk, its place.
    fn declared(&self, app: &App) -> String {
        app.declared.span().map(|span| self.place(span)).unwrap_or_default()
    }

    fn place(&self, span: Span) -> String {
        let file = self.repository.files.sources.file(span.file);
        format!("{}:{}", self.paths.display(&file.path), file.position(span.start).line)
    }

    fn path(&self, file: FileId) -> String {
        self.paths.display(&self.repository.files.sources.file(file).path)
    }

    /// A source in words.
    fn source(&self, app: &App, source: &AppSource) -> String {
        match &source.kind {
            SourceKind::Kustomize { directory, .. } => format!("kustomization {}", self.paths.display(directory)),
            SourceKind::Helm(releases) => {
                let Some((release, others)) = releases.split_first() else { return String::new() };
                let names: Vec<&str> = others.iter().map(|other| other.chart.name.as_str()).collect();
                let others =
                    if names.is_empty() { String::new() } else { format!("; depends on {}", names.join(", ")) };
                format!("{}{others}", self.chart(release))
            }
            SourceKind::Directory { files } => match files.as_slice() {
                [only] => format!("manifest {}", self.paths.display(only)),
                [] => "no manifests".to_owned(),
                files => {
                    let directory = common_directory(files);
                    let directory = if app.name == directory.as_str() {
                        String::new()
                    } else {
                        format!(" in {}", self.paths.display(&directory))
                    };
                    format!("{} manifests{directory}", files.len())
                }
            },
            SourceKind::Unresolved => String::new(),
        }
    }

    /// A chart in words, with its values, and whether only a name ties these to it.
    fn chart(&self, release: &Release) -> String {
        let chart = &release.chart;
        let from = match (&chart.directory, &chart.repository) {
            (Some(directory), _) => format!(" in {}", self.paths.display(directory)),
            (None, Some(repository)) => format!(" from {repository}"),
            (None, None) => String::new(),
        };
        let version = chart.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
        let mut files: Vec<String> = Vec::new();
        for path in release.files.iter().map(|file| self.path(*file)) {
            if !files.contains(&path) {
                files.push(path);
            }
        }
        let values = if files.is_empty() { String::new() } else { format!("; values {}", files.join(", ")) };
        let bound = if release.binding == Binding::Convention { ", by their name" } else { "" };
        let name = if chart.name.is_empty() { "without a name" } else { &chart.name };
        format!("chart {name}{version}{from}{values}{bound}")
    }

    fn summary(&self) -> String {
        let coverage = self.repository.coverage();
        if self.repository.apps.is_empty() {
            return "no apps found".to_owned();
        }
        let mut words = format!(
            "{} declared, {} found on disk; values files: {} bound, {} by convention, {} unbound",
            counted(coverage.declared, "app"),
            coverage.roots,
            coverage.values_bound,
            coverage.values_by_convention,
            coverage.values_unbound,
        );
        let rest = [
            (coverage.incomplete, "not built whole"),
            (coverage.encrypted, "encrypted"),
            (coverage.templated, "of templates"),
        ];
        let [incomplete, encrypted, templated] = rest;
        if incomplete.0 > 0 {
            words.push_str(&format!("; {} {}", counted(incomplete.0, "app"), incomplete.1));
        }
        for (count, what) in [encrypted, templated].into_iter().filter(|(count, _)| *count > 0) {
            words.push_str(&format!("; {} {what}", counted(count, "file")));
        }
        words
    }
}

/// What of an app is not known or not built: why, the kind of reason, and the place.
fn unresolved(built: &BuiltApp) -> Vec<(&str, String, Option<Span>)> {
    let told = built.unresolved.iter();
    let mut list: Vec<(&str, String, Option<Span>)> = told
        .map(|unresolved| (&*unresolved.reason, format!("{:?}", unresolved.cause).to_lowercase(), unresolved.span))
        .collect();
    for problem in built.problems.iter().filter(|problem| problem.loses_objects()) {
        let cause = if problem.kind == ProblemKind::NotBuilt { Cause::Unsupported } else { Cause::Invalid };
        list.push((&problem.message, format!("{cause:?}").to_lowercase(), Some(problem.span)));
    }
    list
}

fn releases_of(app: &App) -> impl Iterator<Item = &Release> {
    app.sources.iter().flat_map(|source| match &source.kind {
        SourceKind::Helm(releases) => releases.as_slice(),
        _ => &[],
    })
}

fn common_directory(files: &[RepoPath]) -> RepoPath {
    let above = std::iter::successors(files.first().and_then(RepoPath::parent), RepoPath::parent);
    above.into_iter().find(|above| files.iter().all(|file| file.is_within(above))).unwrap_or_default()
}

/// What an app is declared by, in one or a few words.
pub(crate) fn kind(declared: Declared) -> &'static str {
    match declared {
        Declared::ArgoApplication(_) => "Application",
        Declared::FluxKustomization(_) => "Kustomization",
        Declared::FluxHelmRelease(_) => "HelmRelease",
        Declared::Config(_) => "settings",
        Declared::Kustomization => "kustomization on disk",
        Declared::Chart => "chart on disk",
        Declared::Directory => "manifests on disk",
        Declared::ValuesFile => "values file on disk",
        Declared::StaticPods => "static pods",
    }
}

fn binding(binding: Binding) -> &'static str {
    match binding {
        Binding::Declared => "declared",
        Binding::Convention => "by name",
    }
}

/// `1 app`, `2 apps`.
pub(crate) fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}
