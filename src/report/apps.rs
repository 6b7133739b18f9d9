//! `presync apps`: what is deployed, from where, bound how, and what could not be resolved; as a table and as JSON.

use std::io::{self, Write};

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::{Paths, visible};
use crate::gitops::{App, AppSource, Declared, SourceKind, Standing};
use crate::helm::{Binding, Release};
use crate::kustomize::ProblemKind;
use crate::repository::{BuiltApp, Repository};
use crate::source::{RepoPath, Span};
use crate::unresolved::Cause;

/// Columns of the table, but for the last, which may be as long as it is.
const COLUMNS: usize = 8;

/// The table, with what could not be resolved under each app.
///
/// # Errors
/// If the writer fails.
pub fn text(repository: &Repository, paths: &Paths, out: &mut dyn Write) -> io::Result<()> {
    let view = View { repository, paths };
    let titles = ["APP", "DECLARED", "AT", "DESTINATION", "PROJECT", "OBJECTS", "UNRESOLVED", "BINDING", "SOURCES"];
    let mut rows: Vec<Row> = vec![Row::Cells(titles.map(str::to_owned))];
    for app in &repository.apps {
        view.rows(app, &mut rows);
    }
    let mut widths = [0; COLUMNS];
    for row in &rows {
        let Row::Cells(cells) = row else { continue };
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.width());
        }
    }
    for row in &rows {
        match row {
            Row::Note(note) => writeln!(out, "  not resolved: {note}")?,
            Row::Cells(cells) => {
                let mut line = String::new();
                for (at, cell) in cells.iter().enumerate() {
                    line.push_str(cell);
                    if let Some(width) = widths.get(at) {
                        line.extend(std::iter::repeat_n(' ', width - cell.width() + 2));
                    }
                }
                writeln!(out, "{}", line.trim_end())?;
            }
        }
    }
    let unbound = repository.unbound_values();
    if !unbound.is_empty() {
        writeln!(out, "\nNothing says which chart these values files are for:")?;
    }
    for file in unbound {
        writeln!(out, "  {}", visible::line(&view.path(file)))?;
    }
    writeln!(out, "\n{}", view.summary())
}

/// The same as JSON: `apps` and `coverage`.
pub fn json(repository: &Repository, paths: &Paths) -> Value {
    let view = View { repository, paths };
    let apps: Vec<Value> = repository.apps.iter().map(|app| view.json(app)).collect();
    let unbound: Vec<String> = repository.unbound_values().into_iter().map(|file| view.path(file)).collect();
    json!({ "version": 1, "apps": apps, "unbound": unbound, "coverage": repository.coverage() })
}

enum Row {
    Cells([String; COLUMNS + 1]),
    Note(String),
}

struct View<'a> {
    repository: &'a Repository,
    paths: &'a Paths,
}

impl View<'_> {
    fn rows(&self, built: &BuiltApp, rows: &mut Vec<Row>) {
        let app = &built.app;
        let destination = match (app.destination.cluster.as_str(), app.destination.namespace.as_str()) {
            ("" | "https://kubernetes.default.svc" | "in-cluster", namespace) => namespace.to_owned(),
            (cluster, "") => cluster.to_owned(),
            (cluster, namespace) => format!("{namespace} on {cluster}"),
        };
        let unresolved = unresolved(built);
        let mut sources: Vec<(String, String)> = app.sources.iter().map(|source| self.source(app, source)).collect();
        // Charts that a kustomization inflates belong to no source of their own.
        let own = |release: &&Release| !releases_of(app).any(|own| own.chart_span == release.chart_span);
        sources.extend(built.releases.iter().filter(own).map(|release| self.chart(release)));
        let mut sources = sources.into_iter();
        let (source, binding) = sources.next().unwrap_or_default();
        let cells = [
            app.name.clone(),
            kind(app.declared).to_owned(),
            self.declared(app),
            destination,
            app.project.clone(),
            match built.releases.len() {
                0 => built.objects.len().to_string(),
                charts => format!("{} + {}", built.objects.len(), counted(charts, "chart")),
            },
            match unresolved.len() {
                0 => String::new(),
                count => count.to_string(),
            },
            binding,
            source,
        ];
        rows.push(Row::Cells(cells.map(|cell| visible::line(&cell).into_owned())));
        for (source, binding) in sources {
            let mut cells: [String; COLUMNS + 1] = Default::default();
            cells[COLUMNS] = visible::line(&source).into_owned();
            cells[COLUMNS - 1] = binding;
            rows.push(Row::Cells(cells));
        }
        for (reason, _, span) in unresolved {
            let place = span.map(|span| format!(" ({})", self.place(span))).unwrap_or_default();
            rows.push(Row::Note(visible::line(&format!("{reason}{place}")).into_owned()));
        }
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
            "sources": app.sources.iter().map(|source| self.source(app, source).0).collect::<Vec<_>>(),
            "releases": releases,
            "objects": built.objects.len(),
            "sample": app.standing != Standing::Deployed,
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

    fn path(&self, file: crate::source::FileId) -> String {
        self.paths.display(&self.repository.files.sources.file(file).path)
    }

    /// A source in words, and how sure its binding is.
    fn source(&self, app: &App, source: &AppSource) -> (String, String) {
        match &source.kind {
            SourceKind::Kustomize { directory, overlay, .. } => {
                let with = if overlay.is_some() { ", with the controller's own changes" } else { "" };
                (format!("kustomization {}{with}", self.paths.display(directory)), String::new())
            }
            SourceKind::Helm(releases) => match releases.first() {
                Some(release) => {
                    let (mut words, binding) = self.chart(release);
                    if let [_, others @ ..] = releases.as_slice()
                        && !others.is_empty()
                    {
                        let names: Vec<&str> = others.iter().map(|other| other.chart.name.as_str()).collect();
                        words.push_str(&format!("; depends on {}", names.join(", ")));
                    }
                    (words, binding)
                }
                None => (String::new(), String::new()),
            },
            SourceKind::Directory { files } => match files.as_slice() {
                [only] => (format!("manifest {}", self.paths.display(only)), String::new()),
                [] => ("no manifests".to_owned(), String::new()),
                files => {
                    let directory = common_directory(files);
                    let directory =
                        if app.name == directory.as_str() { String::new() } else { self.paths.display(&directory) };
                    (format!("{} manifests {directory}", files.len()).trim_end().to_owned(), String::new())
                }
            },
            SourceKind::Unresolved => ("?".to_owned(), String::new()),
        }
    }

    fn chart(&self, release: &Release) -> (String, String) {
        let chart = &release.chart;
        let from = match (&chart.directory, &chart.repository) {
            (Some(directory), _) => format!(" in {}", self.paths.display(directory)),
            (None, Some(repository)) => format!(" from {repository}"),
            (None, None) => String::new(),
        };
        let version = chart.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
        let files: Vec<String> = release.files.iter().map(|file| self.path(*file)).collect();
        let values = if files.is_empty() { String::new() } else { format!("; values {}", files.join(", ")) };
        (format!("chart {}{version}{from}{values}", chart.name), binding(release.binding).to_owned())
    }

    fn summary(&self) -> String {
        let coverage = self.repository.coverage();
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
            (coverage.templated, "templates"),
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
