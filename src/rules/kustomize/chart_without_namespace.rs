//! See `rules/kustomize/kustomize-chart-without-namespace.md`.

use crate::gitops::SourceKind;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::FileId;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, repository: &'a Repository, findings: &mut Findings<'a>) {
    let destination = app.app.destination.namespace.as_str();
    if matches!(destination, "" | "default") || !crate::references::is_settled(destination) {
        return;
    }
    let roots = app.app.sources.iter().filter_map(|source| match &source.kind {
        SourceKind::Kustomize { directory, .. } => repository.inventory.kustomizations.get(directory).copied(),
        _ => None,
    });
    if roots.into_iter().any(|root| moves_objects(root, repository)) {
        return;
    }
    // A chart of definitions has nothing that goes into a namespace.
    let releases = app.releases.iter().filter(|release| !release.chart.name.ends_with("crds"));
    for release in releases {
        let file = release.chart_span.file;
        let stream = repository.files.stream(file);
        let Some(root) = stream.documents.first().and_then(|document| document.root.as_ref()) else { continue };
        let charts = root.get("helmCharts").map(Node::items).unwrap_or_default();
        let is_it = |chart: &&Node| chart.get("name").is_some_and(|name| name.span == release.chart_span);
        let names_none = |chart: &Node| chart.get("namespace").is_none_or(Node::is_null);
        if !charts.iter().find(is_it).is_some_and(names_none) || moves_objects(file, repository) {
            continue;
        }
        findings.about(Some(app), None);
        let message = format!(
            "the chart `{}` is rendered for the namespace `default`, because its entry names none: what it puts into its \
             release's namespace goes there, not to `{destination}`, where `{}` is deployed",
            release.chart.name, app.app.name
        );
        findings
            .report(release.chart_span, message)
            .label("no `namespace` in this entry")
            .help(format!("write `namespace: {destination}` beside the chart's name"));
    }
}

/// Whether a kustomization puts all that it gathers into a namespace, or can't be read.
fn moves_objects(file: FileId, repository: &Repository) -> bool {
    let stream = repository.files.stream(file);
    let root = stream.documents.first().and_then(|document| document.root.as_ref());
    root.is_none_or(|root| root.get("namespace").is_some() || root.get("transformers").is_some())
}
