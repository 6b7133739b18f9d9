//! `presync build`: the objects, as `kustomize build` prints them.

use clap::{Args, ValueEnum};

use super::{Context, Failure};

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

pub(super) fn run(arguments: &Arguments, _context: &mut Context<'_>) -> Result<u8, Failure> {
    let _ = (arguments.reorder, &arguments.load_restrictor);
    Err(Failure::new(format!("{} can't be built yet", arguments.target)))
}
