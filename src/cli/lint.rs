//! `presync lint`: findings of the whole repository, shown for the paths that are asked for.

use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::{Args, ValueEnum};

use super::scope::{Reading, Scope, Settings};
use super::{CLEAN, Context, FAILED, FINDINGS, Failure, Surroundings};
use crate::files::Files;
use crate::finding::{Finding, Severity};
use crate::fix;
use crate::git;
use crate::lint;
use crate::report::{self, Canvas, Format, Report, prose};
use crate::repository::Repository;
use crate::rules::Rule;
use crate::source::SourceFile;

/// Report everything that would go wrong in the cluster, at the line to mend
#[derive(Args)]
#[command(after_help = "Exit codes: 0 clean, 1 findings at or above --fail-on, 2 the job could not be done.")]
pub(super) struct Arguments {
    /// Files and directories whose findings are shown; the whole repository is read in any case
    paths: Vec<PathBuf>,
    /// How findings are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Lowest severity that makes the exit code 1
    #[arg(long, value_enum, default_value_t = FailOn::Warning)]
    fail_on: FailOn,
    /// Apply safe fixes to the files
    #[arg(long)]
    fix: bool,
    /// Also compare with an earlier state: what the work since this branch, tag, HEAD~1 or hash changes that the cluster
    /// will refuse or lose
    #[arg(long, value_name = "REVISION")]
    since: Option<String>,
    #[command(flatten)]
    settings: Settings,
    /// Say on standard error how long each step took
    #[arg(long)]
    timings: bool,
    /// Leave out the summary
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum FailOn {
    /// Errors
    Error,
    /// Errors and warnings
    Warning,
    /// Any finding
    Info,
    /// Nothing
    Never,
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<u8, Failure> {
    let scope = Scope::new(&arguments.paths, context.surroundings)?;
    let start = Instant::now();
    let Reading { repository, rules, unreadable } = scope.read(&arguments.settings, context)?;
    let (repository, notes) = compare(repository, arguments.since.as_deref(), &scope)?;
    let read = start.elapsed();
    let (repository, run) = if arguments.fix {
        mend(repository, &rules, &scope, context)?
    } else {
        let run = lint::run(&repository, &rules);
        (repository, run)
    };
    // The process is about to end; to free millions of nodes one by one would take a tenth of the whole time.
    let repository = ManuallyDrop::new(repository);
    let lint::Run { findings, suppressed, mut timings } = run;
    let linted = start.elapsed();
    let asked = |finding: &Finding| concerns(finding, &scope, &repository);
    let Surroundings { colour, width, .. } = *context.surroundings;
    let report = Report {
        canvas: &Canvas { files: &repository.files, paths: &scope.paths(), colour, width },
        platform_paths: &scope.platform_paths(),
        repository: &repository,
        rules: &rules,
        findings: &findings,
        asked: &asked,
        suppressed,
        unreadable: unreadable.len(),
        quiet: arguments.quiet,
    };
    for trouble in &unreadable {
        writeln!(context.error, "presync: not read: {}", prose(trouble))?;
    }
    for note in &notes {
        writeln!(context.error, "presync: {}", prose(note))?;
    }
    report::write(arguments.format, &report, context.out)?;
    if arguments.timings {
        let (linting, reporting) = (linted - read, start.elapsed() - linted);
        writeln!(context.error, "read and built in {read:.0?}, linted in {linting:.0?}, reported in {reporting:.0?}")?;
        // The rules run side by side, so their times add up to more than the run's.
        timings.sort_by(|a, b| b.time.cmp(&a.time).then_with(|| a.rule.cmp(&b.rule)));
        for lint::Timing { rule, time, findings } in &timings {
            writeln!(
                context.error,
                "{:>9} ms  {findings:>5} findings  {rule}",
                format!("{:.3}", time.as_secs_f64() * 1e3)
            )?;
        }
    }
    let failing = |finding: &Finding| asked(finding) && arguments.fail_on.includes(finding.severity);
    if findings.iter().any(failing) {
        return Ok(FINDINGS);
    }
    let sources = &repository.files.sources;
    let lintable = |file: &Arc<SourceFile>| {
        scope.includes(&file.path) && (repository.class(file.id).matters() || repository.speaks_of_cluster(file.id))
    };
    if findings.iter().any(asked) || sources.files().iter().any(lintable) {
        return Ok(CLEAN);
    }
    writeln!(context.error, "presync: nothing to lint was found: no manifest, kustomization, chart or values file")?;
    // A hook names the files of a commit; one that changes a workflow only is a good commit.
    Ok(if scope.names_files_only(sources) { CLEAN } else { FAILED })
}

/// Builds the earlier state that the user names, and says what of it could not be read. It is judged by the settings of
/// now.
fn compare(repository: Repository, since: Option<&str>, scope: &Scope) -> Result<(Repository, Vec<String>), Failure> {
    let Some(revision) = since else { return Ok((repository, Vec::new())) };
    let git::Base { sources, commit, mut notes } = git::base(&scope.root, revision).map_err(Failure::Message)?;
    let since = crate::read_earlier(Files::new(sources), &repository.config, revision);
    for file in since.repository.files.sources.files().iter().filter(|file| crate::is_yaml(&file.path)) {
        if let Err(reason) = file.bytes() {
            notes.push(format!("not read at {commit:.12}: {}: {}", file.path, reason));
        }
    }
    Ok((repository.compared(Some(Arc::new(since))), notes))
}

/// Writes the safe fixes of the findings that are asked for; what is left is judged anew.
fn mend(
    repository: Repository,
    rules: &[Rule],
    scope: &Scope,
    context: &mut Context<'_>,
) -> Result<(Repository, lint::Run), Failure> {
    let before = repository.files.with_contents(Vec::new());
    // Only what the user named is written to, whatever a finding there has to do with other files.
    let inside = |finding: &Finding, repository: &Repository| {
        let edits = finding.fix.iter().flat_map(|fix| &fix.edits);
        edits.into_iter().all(|edit| scope.includes(&repository.files.sources.file(edit.span.file).path))
    };
    let wanted = |finding: &Finding, all: &Repository| concerns(finding, scope, all) && inside(finding, all);
    let fixed = fix::fix(repository, rules, &wanted);
    super::fix::write(&fixed.changed, &before, &fixed.repository.files)?;
    let (findings, files) = (count(fixed.mended, "finding"), count(fixed.changed.len(), "file"));
    writeln!(context.error, "presync: fixed {findings} in {files}")?;
    Ok((fixed.repository, fixed.run))
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Whether one of the finding's places lies where the user looks: a patch that lost its target is news to whoever
/// changed the base.
fn concerns(finding: &Finding, scope: &Scope, repository: &Repository) -> bool {
    let labels = std::iter::once(&finding.primary).chain(&finding.related);
    labels.into_iter().any(|label| scope.includes(&repository.files.sources.file(label.span.file).path))
}

impl FailOn {
    fn includes(self, severity: Severity) -> bool {
        match self {
            Self::Error => severity >= Severity::Error,
            Self::Warning => severity >= Severity::Warning,
            Self::Info => true,
            Self::Never => false,
        }
    }
}
