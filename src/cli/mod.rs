//! Arguments, streams, exit codes. One file per verb.
//!
//! Everything that is printed goes to the streams that [`run`] is given, so a test sees what a user sees. Nothing is
//! decided here about findings; that is `lint` and `report`.

mod apps;
mod asked;
mod build;
mod explain;
mod fix;
mod lint;
mod markdown;
mod rules;
mod scope;
mod surroundings;
mod trace;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::{Parser, Subcommand, ValueEnum};

pub use surroundings::Surroundings;

use crate::report::prose;

/// Exit code: the job is done and nothing is to be said.
pub const CLEAN: u8 = 0;
/// Exit code: there are findings at or above `--fail-on`.
pub const FINDINGS: u8 = 1;
/// Exit code: the job could not be done.
pub const FAILED: u8 = 2;

/// Lints a GitOps repository: builds what Argo CD and Flux would, judges it, points at the source line.
#[derive(Parser)]
#[command(name = "presync", version, disable_help_subcommand = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
    /// Whether text has colours
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    color: Colour,
}

#[derive(Clone, Copy, ValueEnum)]
enum Colour {
    /// If a terminal shows it
    Auto,
    /// In any case
    Always,
    /// In no case
    Never,
}

#[derive(Subcommand)]
enum Verb {
    Lint(lint::Arguments),
    Build(build::Arguments),
    Apps(apps::Arguments),
    Trace(trace::Arguments),
    Rules(rules::Arguments),
    Explain(explain::Arguments),
}

/// Why a verb ended without doing its job.
#[derive(Debug)]
enum Failure {
    /// Told to the user as it is.
    Message(String),
    /// The user has been told.
    Shown,
    /// A stream could not be written.
    Stream(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Stream(error)
    }
}

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self::Message(message.into())
    }
}

/// What a verb works with.
struct Context<'a> {
    surroundings: &'a Surroundings,
    out: &'a mut dyn Write,
    error: &'a mut dyn Write,
}

/// Runs the program in the process's current directory, without colour unless it is asked for. `arguments` start with
/// the program's name. Returns the exit code: [`CLEAN`], [`FINDINGS`] or [`FAILED`].
pub fn run(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    out: &mut dyn Write,
    error: &mut dyn Write,
) -> u8 {
    run_in(&Surroundings::default(), arguments, out, error)
}

/// Runs the program as [`run`] does, in the given surroundings.
pub fn run_in(
    surroundings: &Surroundings,
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    out: &mut dyn Write,
    error: &mut dyn Write,
) -> u8 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(problem) => return usage(&problem, surroundings, out, error),
    };
    let colour = match arguments.color {
        Colour::Auto => surroundings.colour,
        Colour::Always => true,
        Colour::Never => false,
    };
    let surroundings = Surroundings { colour, ..surroundings.clone() };
    let mut context = Context { surroundings: &surroundings, out, error };
    let result = match arguments.verb {
        Verb::Lint(arguments) => lint::run(&arguments, &mut context),
        Verb::Build(arguments) => build::run(&arguments, &mut context),
        Verb::Apps(arguments) => apps::run(&arguments, &mut context),
        Verb::Trace(arguments) => trace::run(&arguments, &mut context),
        Verb::Rules(arguments) => rules::run(&arguments, &mut context),
        Verb::Explain(arguments) => explain::run(&arguments, &mut context),
    };
    let result = result.and_then(|code| context.out.flush().map(|()| code).map_err(Failure::Stream));
    match result {
        Ok(code) => code,
        // Whoever reads the output has seen enough: `presync lint | head`.
        Err(Failure::Stream(problem)) if problem.kind() == io::ErrorKind::BrokenPipe => CLEAN,
        Err(Failure::Stream(problem)) => complain(context.error, &format!("the output can't be written: {problem}")),
        Err(Failure::Shown) => FAILED,
        Err(Failure::Message(message)) => complain(context.error, &message),
    }
}

fn complain(error: &mut dyn Write, message: &str) -> u8 {
    // If standard error is gone too, the exit code is all that is left to say.
    let _ = writeln!(error, "presync: {}", prose(message));
    FAILED
}

/// Help and version are answers; anything else that clap says is a mistake in the arguments.
fn usage(problem: &clap::Error, surroundings: &Surroundings, out: &mut dyn Write, error: &mut dyn Write) -> u8 {
    let text = problem.render();
    let text = if surroundings.colour { text.ansi().to_string() } else { text.to_string() };
    if problem.use_stderr() {
        let _ = error.write_all(text.as_bytes());
        return FAILED;
    }
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(problem) if problem.kind() != io::ErrorKind::BrokenPipe => FAILED,
        _ => CLEAN,
    }
}
