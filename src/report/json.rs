//! One JSON object, described by `docs/schema/findings.json`.

use std::io::{self, Write};

use serde::Serialize;

use super::place::{Base, Place, Point};
use super::{Report, Summary};
use crate::finding::{Confidence, RuleId, Severity};

/// Raised when a field changes its meaning or goes away; new fields leave it.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Output<'a> {
    version: u32,
    summary: Summary,
    findings: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Finding<'a> {
    rule: &'a RuleId,
    severity: Severity,
    confidence: Confidence,
    message: &'a str,
    #[serde(flatten)]
    place: Place,
    related: Vec<Related<'a>>,
    object: Option<&'a str>,
    apps: &'a [String],
    help: Option<&'a str>,
    fix: Option<Fix<'a>>,
    fingerprint: String,
}

#[derive(Serialize)]
struct Related<'a> {
    message: &'a str,
    #[serde(flatten)]
    place: Place,
}

#[derive(Serialize)]
struct Fix<'a> {
    title: &'a str,
    safe: bool,
    edits: Vec<Edit<'a>>,
}

#[derive(Serialize)]
struct Edit<'a> {
    path: String,
    start: Point,
    end: Point,
    text: &'a str,
}

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let findings = report.shown().map(|(finding, fingerprint)| Finding {
        rule: &finding.rule,
        severity: finding.severity,
        confidence: finding.confidence,
        message: &finding.message,
        place: report.place(finding.primary.span, Base::Reader),
        related: finding
            .related
            .iter()
            .map(|label| Related { message: &label.message, place: report.place(label.span, Base::Reader) })
            .collect(),
        object: finding.object.as_deref(),
        apps: &finding.apps,
        help: finding.help.as_deref(),
        fix: finding.fix.as_ref().map(|fix| Fix {
            title: &fix.title,
            safe: fix.safe,
            edits: fix
                .edits
                .iter()
                .map(|edit| {
                    let Place { path, start, end } = report.place(edit.span, Base::Reader);
                    Edit { path, start, end, text: &edit.text }
                })
                .collect(),
        }),
        fingerprint,
    });
    let output = Output { version: VERSION, summary: report.summary(), findings: findings.collect() };
    serde_json::to_writer_pretty(&mut *out, &output)?;
    writeln!(out)
}
