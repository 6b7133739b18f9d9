//! See `rules/yaml/yaml-file-unreadable.md`.

use crate::finding::Severity;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::{MAX_FILE_BYTES, SourceFile, Span, Unreadable};
use crate::yaml::ProblemKind;

pub(crate) const CHECK: Check = Check::Repository(check);

/// Looks at every YAML file: of one that can't be read, nobody knows whether it matters.
fn check(repository: &Repository, findings: &mut Findings<'_>) {
    for file in repository.files.sources.files() {
        // Large JSON is data more often than not.
        if matches!(file.path.extension(), Some("yaml" | "yml")) || repository.class(file.id).matters() {
            look(&file, repository, findings);
        }
    }
}

fn look(file: &SourceFile, repository: &Repository, findings: &mut Findings<'_>) {
    if let Err(reason) = file.bytes() {
        let (message, help) = words(reason);
        findings.report(Span::start_of(file.id), message).help(help);
        return;
    }
    for problem in &repository.files.stream(file.id).problems {
        let marked = matches!(file.bytes(), Ok([0xFF, 0xFE, ..] | [0xFE, 0xFF, ..]));
        let severity = match problem.kind {
            // go-yaml decodes UTF-16 that starts with a byte order mark; only presync does not.
            ProblemKind::WideEncoding(_) if marked => Severity::Warning,
            ProblemKind::TooManyValues => Severity::Warning,
            ProblemKind::WideEncoding(_) | ProblemKind::NotUtf8 => Severity::Error,
            _ => continue,
        };
        let finding = findings.report(problem.span, problem.kind.message()).severity(severity);
        finding.help = problem.kind.help();
    }
}

fn words(reason: &Unreadable) -> (String, &'static str) {
    match reason {
        Unreadable::Io(reason) => (
            format!("the file can't be read ({reason}), so nothing in it was judged"),
            "make it readable, or list it under `skip` in .presync.yaml",
        ),
        Unreadable::TooLarge(bytes) => (
            format!(
                "the file has {} MiB; presync reads files up to {} MiB, so nothing in it was judged",
                bytes >> 20,
                MAX_FILE_BYTES >> 20
            ),
            "an object may have 1.5 MiB in the cluster; split the file, or list it under `skip` in .presync.yaml",
        ),
        Unreadable::NotRegular => (
            "this is no regular file but a pipe, a socket or a device, so nothing in it was judged".to_owned(),
            "list it under `skip` in .presync.yaml",
        ),
    }
}
