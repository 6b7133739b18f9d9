//! Arguments, streams, exit codes.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use crate::config::Config;
use crate::files::Files;
use crate::{discover, lint, report, rules};

/// Runs the program. Returns the exit code: 0 clean, 1 findings, 2 could not do the job.
pub fn run(arguments: impl Iterator<Item = OsString>, out: &mut dyn Write, _error: &mut dyn Write) -> u8 {
    let path = arguments.skip(2).next().unwrap_or_else(|| ".".into());
    let Ok(root) = discover::repository_root(Path::new(&path)) else { return 2 };
    let walk = discover::walk(&root);
    let repository = crate::read(Files::new(walk.sources), Config::default());
    let findings = lint::lint(&repository, &rules::built_in());
    let _ = report::brief(&findings, &repository.files.sources, out);
    u8::from(!findings.is_empty())
}
