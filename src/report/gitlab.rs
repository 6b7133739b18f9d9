//! GitLab's code quality report: a list in the form of Code Climate's issues.

use std::io::{self, Write};

use serde_json::json;

use super::Report;
use super::place::Base;
use crate::finding::Severity;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let issues = report.shown().map(|(finding, fingerprint)| {
        let place = report.place(finding.primary.span, Base::Platform);
        let point = |point: super::place::Point| json!({"line": point.line, "column": point.column});
        json!({
            "description": finding.message,
            "check_name": finding.rule,
            "fingerprint": fingerprint,
            "severity": match finding.severity {
                Severity::Error => "critical",
                Severity::Warning => "major",
                Severity::Info => "info",
            },
            "location": {
                "path": place.path,
                "lines": {"begin": place.start.line, "end": place.end.line},
                "positions": {"begin": point(place.start), "end": point(place.end)},
            },
        })
    });
    serde_json::to_writer_pretty(&mut *out, &issues.collect::<Vec<_>>())?;
    writeln!(out)
}
