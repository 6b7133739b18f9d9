//! `presync build`: the objects, as `kustomize build` prints them.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{CLEAN, Context, Failure};
use crate::files::Files;
use crate::kustomize::{self, ProblemKind};
use crate::source::Sources;

/// Print the objects that a directory, a chart or an app gives
#[derive(Args)]
pub(super) struct Arguments {
    /// A kustomization's directory, or the name of an app
    target: String,
    /// Order of the objects
    #[arg(long, value_enum, default_value_t = Reorder::Legacy)]
    reorder: Reorder,
    /// Whether files outside the kustomization's directory may be read
    #[arg(long, value_name = "RESTRICTION", default_value = "LoadRestrictionsRootOnly")]
    #[arg(value_parser = ["LoadRestrictionsRootOnly", "LoadRestrictionsNone", "rootOnly", "none"])]
    load_restrictor: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Reorder {
    /// Namespaces and definitions first, webhooks last
    Legacy,
    /// As they are listed
    None,
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<u8, Failure> {
    let options = kustomize::Options {
        load_anywhere: matches!(arguments.load_restrictor.as_str(), "LoadRestrictionsNone" | "none"),
        keep_order: matches!(arguments.reorder, Reorder::None),
        overlay: None,
    };
    let directory = context.surroundings.directory.join(&arguments.target);
    let directory =
        directory.canonicalize().map_err(|problem| Failure::new(format!("{}: {problem}", arguments.target)))?;
    build(&directory, &options, context)
}

/// Builds a directory. A base may lie anywhere, so the whole file system is the repository; only what the build names is
/// read.
fn build(directory: &Path, options: &kustomize::Options, context: &mut Context<'_>) -> Result<u8, Failure> {
    let sources = Sources::open(root_of(directory));
    let Some(path) = sources.relative(directory) else {
        return Err(Failure::new(format!("{}: the name is not UTF-8", directory.display())));
    };
    let files = Files::new(sources);
    let built = kustomize::build(&files, &path, options);
    if let Some(words) = built.failure() {
        writeln!(context.error, "Error: {words}")?;
        return Err(Failure::Shown);
    }
    write!(context.out, "{}", built.to_yaml())?;
    let left_out = built.problems.iter().filter(|problem| problem.kind == ProblemKind::NotBuilt);
    let mut complete = true;
    for problem in left_out {
        complete = false;
        writeln!(context.error, "{}: {}", files.sources.describe(problem.span), problem.message)?;
    }
    if complete { Ok(CLEAN) } else { Err(Failure::Shown) }
}

fn root_of(directory: &Path) -> PathBuf {
    directory.ancestors().last().unwrap_or(directory).to_path_buf()
}
