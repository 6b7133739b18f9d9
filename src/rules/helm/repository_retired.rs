//! See `rules/helm/helm-repository-retired.md`.

use crate::finding::Severity;
use crate::helm::Release;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Release(check);

fn check(release: &Release, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    let Some(url) = release.chart.repository.as_deref() else { return };
    let url = url.trim_end_matches('/').trim_end_matches("/index.yaml");
    // The first line that is no comment names the columns.
    let lines = include_str!("../../../rules/data/helm-repositories.tsv").lines();
    for line in lines.filter(|line| !line.starts_with('#')).skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [retired, chart, status, since, advice, _] = cells[..] else { continue };
        if retired != url || !chart.is_empty() && chart != release.chart.name {
            continue;
        }
        let (severity, fate) = match status {
            "gone" => (Severity::Error, format!("is not there any more since {since}: the sync fails to load it")),
            "ending" => (Severity::Warning, format!("will be gone from {since} on: syncs then fail to load it")),
            "frozen" => (Severity::Warning, format!("gets no new charts since {since}")),
            "moved" => (Severity::Info, format!("gets no new versions of it since {since}")),
            _ => (Severity::Info, format!("is no longer maintained since {since}")),
        };
        let message = format!("the chart {} comes from {url}, which {fate}", release.chart.name);
        findings.report(release.chart_span, message).severity(severity).help(advice);
    }
}
