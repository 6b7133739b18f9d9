//! Findings as text and data: one file per format. Nothing is printed here; each format writes to what it is given.

mod paths;

use std::io::{self, Write};

use clap::ValueEnum;

use crate::finding::Finding;
use crate::repository::Repository;

pub use paths::Paths;

/// How findings are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// For people, with the lines in question
    Text,
    /// For programs; docs/schema/findings.json describes it
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands, which GitHub shows in a pull request
    Github,
    /// GitLab's code quality report
    Gitlab,
    /// JUnit XML
    Junit,
}

/// What is to be reported, and how the reader likes it.
pub struct Report<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// The findings, in order.
    pub findings: &'a [Finding],
    /// How the reader writes paths.
    pub paths: &'a Paths,
    /// Whether text has colours.
    pub colour: bool,
    /// Columns of the reader's terminal, if there is one.
    pub width: Option<usize>,
    /// Whether text leaves out the summary.
    pub quiet: bool,
}

/// Writes findings in a format.
///
/// # Errors
/// If the writer fails.
pub fn write(_format: Format, report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for finding in report.findings {
        let file = report.repository.files.sources.file(finding.primary.span.file);
        let at = file.position(finding.primary.span.start);
        let path = report.paths.display(&file.path);
        writeln!(out, "{path}:{}:{}: {}[{}]: {}", at.line, at.column, finding.severity, finding.rule, finding.message)?;
    }
    Ok(())
}
