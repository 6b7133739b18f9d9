//! `presync build`: the objects, as `kustomize build` prints them.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use rayon::prelude::*;

use super::scope::{Scope, Settings};
use super::{CLEAN, Context, Failure, asked};
use crate::config::KustomizeRelease;
use crate::files::Files;
use crate::kustomize::{self, ProblemKind};
use crate::report::{self, Paths, prose};
use crate::repository::{BuiltApp, Repository};
use crate::source::{Sources, Span};

/// Print the objects that a directory or an app gives
#[derive(Args)]
#[command(
    after_help = "An app is built as its controller builds it: with Argo CD's kustomize and directory options, with \
    Flux's patches, images and variables. What can't be had, such as a chart, is named on standard error.\n\n\
    Exit codes: 0 everything is printed, 2 something is left out or can't be built."
)]
pub(super) struct Arguments {
    /// Directories of kustomizations, or the name of an app as `presync apps` prints it; of several, `HelmRelease/web`
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<String>,
    /// Of apps with one name, the one that is declared there or made of something there
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// Order of the objects, for a directory
    #[arg(long, value_enum)]
    reorder: Option<Reorder>,
    /// Whether files outside the directory may be read [default: LoadRestrictionsRootOnly]
    #[arg(long, value_name = "RESTRICTION")]
    #[arg(value_parser = ["LoadRestrictionsRootOnly", "LoadRestrictionsNone", "rootOnly", "none"])]
    load_restrictor: Option<String>,
    /// Release of kustomize whose behaviour is followed, such as 5.5, for a directory [default: the current one]
    #[arg(long, value_name = "VERSION")]
    kustomize_version: Option<String>,
    /// Taken as kustomize takes it, but no chart is rendered: what it gives is left out and named
    #[arg(long)]
    enable_helm: bool,
    /// Taken as kustomize takes it, but no plugin is run: what it gives is left out and named
    #[arg(long)]
    enable_alpha_plugins: bool,
    /// Taken as kustomize takes it, but no program is run
    #[arg(long)]
    enable_exec: bool,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Reorder {
    /// Namespaces and definitions first, webhooks last; the default
    Legacy,
    /// As they are listed
    None,
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<u8, Failure> {
    let located = |target: &String| context.surroundings.directory.join(target);
    let is_kustomization = |target: &Path| kustomize::FILE_NAMES.iter().any(|name| target.join(name).is_file());
    if let [target] = arguments.targets.as_slice()
        && (arguments.path.is_some() || !is_kustomization(&located(target)))
    {
        return build_app(arguments, target, context);
    }
    let mut directories = Vec::new();
    for target in &arguments.targets {
        let directory = located(target).canonicalize();
        let directory = directory.map_err(|problem| Failure::new(format!("{target}: {problem}")))?;
        if !is_kustomization(&directory) {
            let words =
                format!("there is no kustomization in `{target}`; several targets must all be directories of one");
            return Err(Failure::new(words));
        }
        directories.push(directory);
    }
    let release = match &arguments.kustomize_version {
        Some(text) => KustomizeRelease::parse(text).ok_or_else(|| {
            Failure::new(format!("--kustomize-version {text}: no release of kustomize 5; write it as 5.5"))
        })?,
        None => KustomizeRelease::CURRENT,
    };
    let options = kustomize::Options {
        load_anywhere: matches!(arguments.load_restrictor.as_deref(), Some("LoadRestrictionsNone" | "none")),
        keep_order: arguments.reorder == Some(Reorder::None),
        release,
        overlay: None,
    };
    build(&directories, &options, context)
}

/// Builds directories. A base may lie anywhere, so the whole file system is the repository; only what the builds name is
/// read, and once.
fn build(directories: &[PathBuf], options: &kustomize::Options, context: &mut Context<'_>) -> Result<u8, Failure> {
    let Some(first) = directories.first() else { return Ok(CLEAN) };
    let files = Files::new(Sources::open(root_of(first)));
    let built: Vec<Printed> = directories.par_iter().map(|directory| printed(&files, directory, options)).collect();
    let mut printed_any = false;
    for printed in &built {
        if printed_any && !printed.documents.is_empty() {
            writeln!(context.out, "---")?;
        }
        printed_any |= !printed.documents.is_empty();
        write!(context.out, "{}", printed.documents)?;
        write!(context.error, "{}", printed.complaints)?;
    }
    if built.iter().all(|printed| printed.complaints.is_empty()) { Ok(CLEAN) } else { Err(Failure::Shown) }
}

/// What one directory gives: objects, and why some are missing.
#[derive(Default)]
struct Printed {
    documents: String,
    complaints: String,
}

fn printed(files: &Files, directory: &Path, options: &kustomize::Options) -> Printed {
    let Some(path) = files.sources.relative(directory) else {
        let complaints = format!("Error: {}: the name is not UTF-8\n", directory.display());
        return Printed { complaints, ..Printed::default() };
    };
    let built = kustomize::build(files, &path, options);
    if let Some(words) = built.failure() {
        return Printed { complaints: format!("Error: {words}\n"), ..Printed::default() };
    }
    let left_out = built.problems.iter().filter(|problem| problem.kind == ProblemKind::NotBuilt);
    let told = left_out.map(|problem| format!("{}: {}\n", files.sources.describe(problem.span), problem.message));
    Printed { documents: built.to_yaml(), complaints: told.collect() }
}

fn root_of(directory: &Path) -> PathBuf {
    directory.ancestors().last().unwrap_or(directory).to_path_buf()
}

/// Builds an app of the repository that the user stands in.
fn build_app(arguments: &Arguments, target: &str, context: &mut Context<'_>) -> Result<u8, Failure> {
    let flags = [
        ("reorder", arguments.reorder.is_some()),
        ("load-restrictor", arguments.load_restrictor.is_some()),
        ("kustomize-version", arguments.kustomize_version.is_some()),
    ];
    for (flag, given) in flags {
        if given {
            let reason =
                format!("--{flag} is for a directory; the app `{target}` is built as its controller builds it");
            return Err(Failure::new(reason));
        }
    }
    let paths: Vec<PathBuf> = arguments.path.iter().cloned().collect();
    let scope = Scope::new(&paths, context.surroundings)?;
    let repository = scope.read(&arguments.settings, context)?.repository;
    let apps = asked::apps(Some(target), arguments.path.as_deref(), &repository, &scope);
    let apps = apps.map_err(|failure| match failure {
        Failure::Message(words) if arguments.path.is_none() => {
            Failure::new(format!("there is no kustomization in `{target}`, and {words}"))
        }
        failure => failure,
    })?;
    let view = View { repository: &repository, paths: scope.paths() };
    match apps.as_slice() {
        [app] => view.print(app, context),
        apps => {
            let words = format!("{} apps are called `{}`; name its kind too, or --path:", apps.len(), target);
            let list = apps.iter().map(|app| format!("\n  {}", view.describe(app))).collect::<String>();
            Err(Failure::new(words + &list))
        }
    }
}

struct View<'a> {
    repository: &'a Repository,
    paths: Paths,
}

impl View<'_> {
    fn place(&self, span: Span) -> String {
        let file = self.repository.files.sources.file(span.file);
        format!("{}:{}", self.paths.display(&file.path), file.position(span.start).line)
    }

    /// Tells one app from others of its name.
    fn describe(&self, app: &BuiltApp) -> String {
        let objects = report::apps::counted(app.objects.len(), "object");
        let place = app.app.declared.span().or_else(|| app.objects.first().map(|object| object.name_span()));
        let place = place.map_or("nothing declares it".to_owned(), |span| self.place(span));
        let namespace = &app.app.destination.namespace;
        let into = if namespace.is_empty() { String::new() } else { format!(" into {namespace}") };
        format!("{}/{}{into}, {objects}, {place}", report::apps::kind(app.app.declared), app.app.name)
    }

    fn print(&self, app: &BuiltApp, context: &mut Context<'_>) -> Result<u8, Failure> {
        let mut failures = app.problems.iter().filter(|problem| problem.upstream.is_some()).peekable();
        if failures.peek().is_some() {
            for problem in failures {
                let words = prose(problem.upstream.as_deref().unwrap_or_default()).into_owned();
                writeln!(context.error, "Error: {}: {words}", self.place(problem.span))?;
            }
            return Err(Failure::Shown);
        }
        let documents: Vec<String> = app.objects.iter().map(|object| crate::yaml::encode(&object.root)).collect();
        write!(context.out, "{}", documents.join("---\n"))?;
        let left_out = self.left_out(app);
        for reason in &left_out {
            writeln!(context.error, "left out: {}", prose(reason))?;
        }
        if left_out.is_empty() { Ok(CLEAN) } else { Err(Failure::Shown) }
    }

    /// What the controller would apply and presync does not know, with the reason.
    fn left_out(&self, app: &BuiltApp) -> Vec<String> {
        let mut reasons = Vec::new();
        for release in &app.releases {
            let chart = &release.chart;
            let version = chart.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
            let why = match (&chart.directory, &chart.repository) {
                (Some(_), _) => "presync does not render charts".to_owned(),
                (None, Some(repository)) => format!("it is in {repository}"),
                (None, None) => "it is not in this repository".to_owned(),
            };
            let place = self.place(release.chart_span);
            reasons.push(format!("{place}: the objects of the chart {}{version}: {why}", chart.name));
        }
        // A chart that a kustomization inflates is told above.
        let is_told = |span: Span| app.releases.iter().any(|release| release.chart_span == span);
        let problems = app.problems.iter().filter(|problem| problem.loses_objects() && !is_told(problem.span));
        reasons.extend(problems.map(|problem| format!("{}: {}", self.place(problem.span), problem.message)));
        for unresolved in &app.unresolved {
            let place = unresolved.span.map(|span| format!("{}: ", self.place(span))).unwrap_or_default();
            reasons.push(format!("{place}{}", unresolved.reason));
        }
        reasons
    }
}
