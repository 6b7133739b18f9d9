//! `presync trace`: where each value of a built object comes from.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::scope::{Scope, Settings};
use super::{CLEAN, Context, Failure, asked};
use crate::finding::nearest;
use crate::kubernetes::Object;
use crate::report::Canvas;
use crate::report::trace::{self, Subject, Trace};
use crate::repository::{BuiltApp, Repository};

/// How many matches are shown in full as text; more are listed.
const MAX_SHOWN: usize = 4;
/// How many names are suggested, and how many matches listed.
const MAX_NEAR: usize = 3;
const MAX_LISTED: usize = 20;

/// Say where each value of a built object comes from
#[derive(Args)]
#[command(after_help = "Exit codes: 0 found, 2 there is no such object or field, or the job could not be done.\n\
    With several matches, JSON is one object after another.")]
pub(super) struct Arguments {
    /// The object: `Deployment shop/web`, `Deployment/shop/web`, `deployment/web` or `web`; `release/NAME` for the values
    /// of a chart's release
    object: String,
    /// A field, such as `spec.template.spec.containers[name=web].image`; the whole object without one
    field: Option<String>,
    /// A path inside the repository; only apps that are declared there or made of something there count
    #[arg(long, value_name = "DIR", conflicts_with = "app")]
    path: Option<PathBuf>,
    /// The app that the object belongs to
    #[arg(long)]
    app: Option<String>,
    /// How the trace is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<u8, Failure> {
    let paths: Vec<PathBuf> = arguments.path.iter().cloned().collect();
    let scope = Scope::new(&paths, context.surroundings)?;
    let repository = scope.read(&arguments.settings, context)?.repository;
    let apps = asked::apps(arguments.app.as_deref(), arguments.path.as_deref(), &repository, &scope)?;
    let wanted = Wanted::parse(&arguments.object);
    let subjects = wanted.subjects(&repository, &apps);
    if subjects.is_empty() {
        return Err(Failure::new(wanted.not_found(&repository, &apps)));
    }
    let mut traces = Vec::new();
    let mut reasons = Vec::new();
    for subject in &subjects {
        match Trace::of(subject, arguments.field.as_deref()) {
            Ok(trace) => traces.push(trace),
            Err(reason) => reasons.push(format!("{} in app {}: {reason}", subject.name, subject.app)),
        }
    }
    if traces.is_empty() {
        reasons.truncate(MAX_NEAR);
        return Err(Failure::new(reasons.join("\n")));
    }
    let canvas = Canvas {
        files: &repository.files,
        paths: &scope.paths(),
        colour: context.surroundings.colour,
        width: context.surroundings.width,
    };
    if arguments.format == Format::Json {
        for trace in &traces {
            writeln!(context.out, "{:#}", trace::json(trace, &canvas))?;
        }
        return Ok(CLEAN);
    }
    if traces.len() > MAX_SHOWN {
        writeln!(context.out, "{} objects match; name one of them, or its app with --app:", traces.len())?;
        for trace in traces.iter().take(MAX_LISTED) {
            writeln!(context.out, "  {}", crate::report::prose(&trace.title()))?;
        }
        if traces.len() > MAX_LISTED {
            writeln!(context.out, "  and {} more", traces.len() - MAX_LISTED)?;
        }
        return Ok(CLEAN);
    }
    for (at, trace) in traces.iter().enumerate() {
        if at > 0 {
            writeln!(context.out)?;
        }
        trace::text(trace, &canvas, context.out)?;
    }
    Ok(CLEAN)
}

/// What the user calls the object.
struct Wanted<'a> {
    written: &'a str,
    kind: Option<&'a str>,
    namespace: Option<&'a str>,
    name: &'a str,
}

impl<'a> Wanted<'a> {
    fn parse(text: &'a str) -> Self {
        let written = text.trim();
        let parts: Vec<&str> = written.split(['/', ' ']).filter(|part| !part.is_empty()).collect();
        let (kind, namespace, name) = match parts.as_slice() {
            [kind, namespace, name] => (Some(*kind), Some(*namespace), *name),
            [kind, name] => (Some(*kind), None, *name),
            _ => (None, None, written),
        };
        Self { written, kind, namespace, name }
    }

    /// Objects of that name; failing that, objects that had it before a prefix, a suffix or a hash was added.
    fn subjects<'r>(&self, repository: &'r Repository, apps: &[&'r BuiltApp]) -> Vec<Subject<'r>> {
        let named = |object: &Object| object.id.name == self.name;
        let before = |object: &Object| {
            let name = object.root.at(&["metadata", "name"]);
            let changes = name.map(|name| name.history.changes()).unwrap_or_default();
            let older = changes.iter().filter_map(|change| change.before.as_ref());
            older.filter_map(|node| node.as_text()).any(|older| older == self.name)
        };
        let objects = |is_meant: &dyn Fn(&Object) -> bool| -> Vec<Subject<'r>> {
            let all = apps.iter().flat_map(|built| built.objects.iter().map(move |object| (*built, object)));
            let fitting = all.filter(|(built, object)| self.fits(repository, built, object) && is_meant(object));
            fitting.map(|(built, object)| subject(built, object)).collect()
        };
        let found = objects(&named);
        if !found.is_empty() {
            return found;
        }
        if self.kind == Some("release") {
            let all = apps.iter().flat_map(|built| built.releases.iter().map(move |release| (*built, release)));
            let in_namespace = |namespace: &str| self.namespace.is_none_or(|wanted| wanted == namespace);
            let fitting = all.filter(|(_, release)| {
                (release.name == self.name || release.chart.name == self.name) && in_namespace(&release.namespace)
            });
            let found: Vec<Subject<'r>> = fitting
                .map(|(built, release)| Subject {
                    name: format!("release {}", release.name),
                    app: &built.app.name,
                    root: &release.values,
                    secret: false,
                })
                .collect();
            if !found.is_empty() {
                return found;
            }
        }
        objects(&before)
    }

    /// Whether kind and namespace are those of the object. A namespace is meant as written or as it is in the cluster.
    fn fits(&self, repository: &Repository, built: &BuiltApp, object: &Object) -> bool {
        self.kind.is_none_or(|kind| object.id.kind.eq_ignore_ascii_case(kind))
            && self.namespace.is_none_or(|namespace| {
                object.id.namespace == namespace || repository.home_of(built, object) == namespace
            })
    }

    /// Why nothing is found, with the names that are near.
    fn not_found(&self, repository: &Repository, apps: &[&BuiltApp]) -> String {
        let mut words = format!("no object `{}` is built", self.written);
        let objects = || apps.iter().flat_map(|built| built.objects.iter().map(move |object| (*built, object)));
        let releases = || apps.iter().flat_map(|built| &built.releases);
        // The same name in another kind or namespace is nearer than any other name.
        let same: Vec<&Object> =
            objects().filter(|(_, object)| object.id.name == self.name).map(|(_, object)| object).collect();
        let kind = self.kind.and_then(|kind| nearest(kind, same.iter().map(|object| object.id.kind.as_str())));
        let same = same.iter().filter(|object| kind.is_none_or(|kind| object.id.kind == kind));
        let mut near: Vec<String> = same.map(|object| object.id.to_string()).collect();
        let of_kind: Vec<&Object> = objects()
            .filter(|(built, object)| self.fits(repository, built, object))
            .map(|(_, object)| object)
            .collect();
        let mut names: Vec<&str> = of_kind.iter().map(|object| object.id.name.as_str()).collect();
        while near.len() < MAX_NEAR
            && let Some(name) = nearest(self.name, names.iter().copied())
        {
            near.extend(of_kind.iter().filter(|object| object.id.name == name).map(|object| object.id.to_string()));
            names.retain(|other| *other != name);
        }
        if self.kind == Some("release")
            && let Some(name) =
                nearest(self.name, releases().flat_map(|release| [release.name.as_str(), release.chart.name.as_str()]))
        {
            near.push(format!("release {name}"));
        }
        let mut seen = Vec::new();
        near.retain(|name| {
            !seen.contains(name) && seen.len() < MAX_NEAR && {
                seen.push(name.clone());
                true
            }
        });
        if !near.is_empty() {
            let near: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
            words.push_str(&format!("; did you mean {}?", near.join(" or ")));
        }
        words.push_str("\n`presync apps` lists what is deployed");
        words
    }
}

fn subject<'r>(built: &'r BuiltApp, object: &'r Object) -> Subject<'r> {
    Subject {
        name: object.id.to_string(),
        app: &built.app.name,
        root: &object.root,
        secret: object.id.is("", "Secret"),
    }
}
