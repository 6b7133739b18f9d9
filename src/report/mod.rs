//! Findings as text and data: one file per format. Nothing is printed here; each format writes to what it is given.

pub mod apps;
mod excerpt;
mod fingerprint;
mod github;
mod gitlab;
mod json;
mod junit;
mod paths;
mod place;
mod sarif;
mod secrets;
mod summary;
mod text;
pub mod trace;
mod visible;

use std::io::{self, Write};

use clap::ValueEnum;

use crate::files::Files;
use crate::finding::Finding;
use crate::repository::Repository;
use crate::rules::Rule;

pub use paths::Paths;
pub use summary::Summary;
pub(crate) use text::severity_style;
pub(crate) use visible::prose;

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

/// What text is drawn from, and how the reader likes it.
pub struct Canvas<'a> {
    /// The files that findings point into.
    pub files: &'a Files,
    /// How the reader writes paths.
    pub paths: &'a Paths,
    /// Whether text has colours.
    pub colour: bool,
    /// Columns of the reader's terminal, if there is one.
    pub width: Option<usize>,
}

/// What is to be reported.
pub struct Report<'a> {
    /// How to draw it.
    pub canvas: &'a Canvas<'a>,
    /// How a platform that shows the report writes paths.
    pub platform_paths: &'a Paths,
    /// The repository.
    pub repository: &'a Repository,
    /// Every rule there is.
    pub rules: &'a [Rule],
    /// All findings of the repository, sorted by path and place.
    pub findings: &'a [Finding],
    /// Which of them the reader asks for.
    pub asked: &'a dyn Fn(&Finding) -> bool,
    /// How many findings of the repository are suppressed by comments.
    pub suppressed: usize,
    /// How many files and directories the walk did not read.
    pub unreadable: usize,
    /// Whether the summary is left out where the format can do without it.
    pub quiet: bool,
}

impl<'a> Report<'a> {
    /// The findings that the reader asks for, each with its fingerprint.
    fn shown(&self) -> impl Iterator<Item = (&'a Finding, String)> {
        let all = self.findings.iter().zip(fingerprint::fingerprints(self.repository, self.findings));
        all.filter(|(finding, _)| (self.asked)(finding))
    }
}

/// Writes findings in a format.
///
/// # Errors
/// If the writer fails.
pub fn write(format: Format, report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => text::write(report, out),
        Format::Json => json::write(report, out),
        Format::Sarif => sarif::write(report, out),
        Format::Github => github::write(report, out),
        Format::Gitlab => gitlab::write(report, out),
        Format::Junit => junit::write(report, out),
    }
}

/// Draws findings as text, without a summary.
///
/// # Errors
/// If the writer fails.
pub fn draw(canvas: &Canvas<'_>, findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    text::draw(canvas, findings, out)
}
