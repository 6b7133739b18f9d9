//! See `rules/helm/helm-chart-metadata-invalid.md`.

use crate::finding::Severity;
use crate::gitops::{FileClass, Standing, standing};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::{SourceFile, Span};
use crate::yaml::{Node, Stream};

pub(crate) const CHECK: Check = Check::File(check);

fn check(file: &SourceFile, stream: &Stream, repository: &Repository, findings: &mut Findings<'_>) {
    let is_chart = file.path.file_name() == "Chart.yaml" && repository.class(file.id) == FileClass::Chart;
    if !is_chart || standing(&file.path) != Standing::Deployed {
        return;
    }
    let Some(root) = stream.documents.first().and_then(|document| document.root.as_ref()) else { return };
    let Some(first) = root.entries().first() else { return };
    let place = first.key.span;
    let refused = "so Helm refuses the chart and installs nothing of it";
    for key in ["name", "version"] {
        let is_empty = |node: &Node| node.is_null() || node.as_text() == Some("");
        if root.get(key).is_none_or(is_empty) {
            let message = format!("this chart has no `{key}`, {refused}");
            findings.report(place, message).label(format!("no `{key}`")).help(format!("write a `{key}`"));
        }
    }
    if let Some((version, text)) = root.get("version").and_then(|node| Some((node, node.as_text()?)))
        && !text.is_empty()
        && !is_version(text)
    {
        let message = format!("`{text}` is no semantic version, {refused}");
        findings.report(version.span, message).label("no version").help("write one such as `1.0.0`");
    }
    if let Some(kind) = root.get("type").filter(|kind| !matches!(kind.as_text(), Some("application" | "library" | "")))
    {
        let message = format!("a chart is an `application` or a `library`, {refused}");
        findings.report(kind.span, message).label("no type of charts");
    }
    if root.get("apiVersion").is_none_or(Node::is_null) {
        let message = "this chart has no `apiVersion`: Helm takes it for one of Helm 2, and `helm lint` and the tools that \
                       check charts refuse it";
        let span: Span = place;
        findings
            .report(span, message)
            .severity(Severity::Warning)
            .label("no `apiVersion`")
            .help("write `apiVersion: v2`");
    }
}

/// Whether Helm reads a text as a version: one to three numbers, perhaps after a `v`, with SemVer's ends.
fn is_version(text: &str) -> bool {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (rest, build) = text.split_once('+').map_or((text, None), |(rest, build)| (rest, Some(build)));
    let (core, pre) = rest.split_once('-').map_or((rest, None), |(core, pre)| (core, Some(pre)));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_end = |end: &str| {
        let allowed = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        end.split('.').all(|part| !part.is_empty() && allowed(part))
    };
    (1..=3).contains(&core.split('.').count())
        && core.split('.').all(is_number)
        && pre.is_none_or(is_end)
        && build.is_none_or(is_end)
}
