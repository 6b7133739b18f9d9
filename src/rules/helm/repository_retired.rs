//! See `rules/helm/helm-repository-retired.md`.

use crate::finding::Severity;
use crate::helm::Release;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Release(check);

fn check(release: &Release, _: &BuiltApp, repository: &Repository, findings: &mut Findings<'_>) {
    let Some(url) = release.chart.repository.as_deref() else { return };
    let url = url.trim_end_matches('/').trim_end_matches("/index.yaml");
    // The first line that is no comment names the columns.
    let lines = include_str!("../../../rules/data/helm-repositories.tsv").lines();
    for line in lines.filter(|line| !line.starts_with('#')).skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [retired, chart, status, since, advice, _] = cells[..] else { continue };
        let name = release.chart.name.as_str();
        let is_about = match chart.strip_prefix('!') {
            Some(other) => other != name,
            None => chart.is_empty() || chart == name,
        };
        if retired != url || !is_about {
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
        let place = written(release, repository);
        let finding = findings.report(place.unwrap_or(release.chart_span), message);
        finding.severity(severity).help(advice);
        if place.is_some() {
            finding.related(release.chart_span, "the chart");
        }
    }
}

/// Keys beside a chart's name that say where it comes from: in an Application, in a Chart.yaml, in a kustomization.
const BESIDE: [&str; 3] = ["repoURL", "repository", "repo"];

/// Declarations nest no deeper than this in practice; it bounds the way down.
const DEEPEST: usize = 30;

/// Where a release's repository is written: beside the chart's name, else in a HelmRepository of Flux.
fn written(release: &Release, repository: &Repository) -> Option<Span> {
    let url = release.chart.repository.as_deref()?;
    let stream = repository.files.stream(release.chart_span.file);
    let roots = stream.documents.iter().filter_map(|document| document.root.as_ref());
    let is_url =
        |node: &&Node| node.as_text().is_some_and(|text| text.trim_end_matches('/') == url.trim_end_matches('/'));
    roots.filter_map(|root| beside(root, release.chart_span, 0)).find(is_url).map(|node| node.span).or_else(|| {
        let mut objects = repository.apps.iter().flat_map(|app| &app.objects);
        let of_flux = objects.find_map(|object| {
            let is_source = object.id.kind == "HelmRepository" && object.id.group.ends_with("fluxcd.io");
            object.root.at(&["spec", "url"]).filter(|_| is_source).filter(is_url)
        });
        of_flux.map(|node| node.span)
    })
}

/// What stands beside the value at a place, in the same map.
fn beside(node: &Node, place: Span, depth: usize) -> Option<&Node> {
    let inside = node.span.file == place.file && depth <= DEEPEST;
    if !inside {
        return None;
    }
    if node.entries().iter().any(|entry| entry.value.span == place) {
        return BESIDE.iter().find_map(|key| node.get(key));
    }
    let below = node.items().iter().chain(node.entries().iter().map(|entry| &entry.value));
    below.into_iter().find_map(|child| beside(child, place, depth + 1))
}
