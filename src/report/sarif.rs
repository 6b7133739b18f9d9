//! SARIF 2.1.0, as the OASIS standard defines it and GitHub's code scanning reads it.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::Report;
use super::place::{Base, Place};
use crate::finding::{Confidence, Finding, Severity};
use crate::rules::Rule;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let results: Vec<Value> =
        report.shown().map(|(finding, fingerprint)| result(report, finding, &fingerprint)).collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "presync",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": report.rules.iter().map(descriptor).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The repository's root."}}},
            "invocations": [{"executionSuccessful": true}],
            "results": results,
            "properties": {"summary": report.summary()},
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

fn descriptor(rule: &Rule) -> Value {
    let why = rule.documentation.split("\n## ").next().unwrap_or_default().trim();
    json!({
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": if why.is_empty() { &rule.title } else { why }},
        "help": {"text": rule.documentation, "markdown": rule.documentation},
        "defaultConfiguration": {"level": level(rule.severity), "enabled": !rule.pedantic},
        "properties": {
            "tags": [rule.group],
            "precision": precision(rule.confidence),
            "problem.severity": problem_severity(rule.severity),
        },
    })
}

fn result(report: &Report<'_>, finding: &Finding, fingerprint: &str) -> Value {
    let text = match &finding.help {
        Some(help) => format!("{}\n{help}", finding.message),
        None => finding.message.clone(),
    };
    let mut location = location(&report.place(finding.primary.span, Base::Platform));
    if !finding.primary.message.is_empty() {
        location["message"] = json!({"text": finding.primary.message});
    }
    if let Some(object) = &finding.object {
        location["logicalLocations"] = json!([{"fullyQualifiedName": object, "kind": "resource"}]);
    }
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level(finding.severity),
        "message": {"text": text},
        "locations": [location],
        "partialFingerprints": {"presync/v1": fingerprint},
        "properties": {"confidence": finding.confidence, "apps": finding.apps},
    });
    if let Some(index) = report.rules.iter().position(|rule| rule.id == finding.rule) {
        result["ruleIndex"] = json!(index);
    }
    if !finding.related.is_empty() {
        let related = finding.related.iter().enumerate().map(|(at, label)| {
            let mut related = self::location(&report.place(label.span, Base::Platform));
            related["id"] = json!(at + 1);
            related["message"] = json!({"text": label.message});
            related
        });
        result["relatedLocations"] = related.collect();
    }
    if let Some(fix) = &finding.fix {
        let change = |edit: &crate::finding::Edit| {
            let place = report.place(edit.span, Base::Platform);
            json!({
                "artifactLocation": artifact(&place.path),
                "replacements": [{"deletedRegion": region(&place), "insertedContent": {"text": edit.text}}],
            })
        };
        let changes: Vec<Value> = fix.edits.iter().map(change).collect();
        result["fixes"] = json!([{"description": {"text": fix.title}, "artifactChanges": changes}]);
    }
    result
}

fn location(place: &Place) -> Value {
    json!({"physicalLocation": {"artifactLocation": artifact(&place.path), "region": region(place)}})
}

fn artifact(path: &str) -> Value {
    json!({"uri": uri(path), "uriBaseId": "%SRCROOT%"})
}

fn region(place: &Place) -> Value {
    json!({
        "startLine": place.start.line,
        "startColumn": place.start.column,
        "endLine": place.end.line,
        "endColumn": place.end.column,
        "byteOffset": place.start.offset,
        "byteLength": place.end.offset - place.start.offset,
    })
}

/// A path as a relative reference of RFC 3986. A colon in the first part would make that part a scheme.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b'@' | b'+' => {
                uri.push(char::from(byte));
            }
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

/// GitHub's words for how often a rule is right.
fn precision(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "very-high",
        Confidence::Medium => "high",
        Confidence::Low => "medium",
    }
}

/// GitHub's words for how bad a finding is.
fn problem_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "recommendation",
    }
}
