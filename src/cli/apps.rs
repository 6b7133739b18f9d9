//! `presync apps`: what is deployed, from where, bound how, and what could not be resolved.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::scope::{Scope, Settings};
use super::{CLEAN, Context, Failure};
use crate::report;

/// List what is deployed, and from which files
#[derive(Args)]
pub(super) struct Arguments {
    /// A path inside the repository; the apps that are declared or lie there are shown
    #[arg(default_value = ".")]
    path: PathBuf,
    /// How the list is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<u8, Failure> {
    let scope = Scope::new(std::slice::from_ref(&arguments.path), context.surroundings)?;
    let repository = scope.read(&arguments.settings, context)?.repository;
    match arguments.format {
        Format::Text => {
            report::apps::text(&repository, &scope.paths(), &|path| scope.includes(path), context.out)?;
        }
        Format::Json => writeln!(context.out, "{:#}", report::apps::json(&repository, &scope.paths()))?,
    }
    Ok(CLEAN)
}
