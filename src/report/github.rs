//! Workflow commands, which GitHub Actions turns into annotations of a pull request.

use std::io::{self, Write};

use super::Report;
use super::place::Base;
use crate::finding::Severity;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for (finding, _) in report.shown() {
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        let place = report.place(finding.primary.span, Base::Platform);
        let (start, end) = (place.start, place.end);
        let mut message = finding.message.clone();
        for label in &finding.related {
            let at = report.place(label.span, Base::Platform);
            message.push_str(&format!("\n{}:{}:{}: {}", at.path, at.start.line, at.start.column, label.message));
        }
        if let Some(help) = &finding.help {
            message.push_str(&format!("\nhelp: {help}"));
        }
        let (file, title, message) = (property(&place.path), property(finding.rule.as_str()), data(&message));
        write!(out, "::{command} file={file},line={},endLine={},col={}", start.line, end.line, start.column)?;
        // GitHub refuses columns of an annotation over several lines.
        if start.line == end.line {
            write!(out, ",endColumn={}", end.column)?;
        }
        writeln!(out, ",title={title}::{message}")?;
    }
    if !report.quiet {
        let summary = report.summary();
        writeln!(out, "{}\n{}", summary.findings_in_words(), summary.coverage_in_words())?;
    }
    Ok(())
}

/// The text of a command, as actions/toolkit escapes it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a command, as actions/toolkit escapes it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
