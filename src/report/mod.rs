//! Findings as text and data: one file per format. Nothing is printed here; each format writes to what it is given.

use std::io::{self, Write};

use crate::finding::Finding;
use crate::source::Sources;

/// One line per finding.
///
/// # Errors
/// If the writer fails.
pub fn brief(findings: &[Finding], sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    for finding in findings {
        let file = sources.file(finding.primary.span.file);
        let at = file.position(finding.primary.span.start);
        writeln!(
            out,
            "{}:{}:{}: {}[{}]: {}",
            file.path, at.line, at.column, finding.severity, finding.rule, finding.message
        )?;
    }
    Ok(())
}
