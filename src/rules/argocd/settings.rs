//! How Argo CD itself is set up, as far as the repository says.

use crate::repository::Repository;
use crate::yaml::Node;

/// The maps that set it up: the data of every argocd-cm, and what the chart argo-cd makes one of.
pub(crate) fn settings(repository: &Repository) -> impl Iterator<Item = &Node> {
    let maps = repository.objects_of("", "ConfigMap").filter(|(_, map)| map.id.name == "argocd-cm");
    let releases = repository.apps.iter().flat_map(|app| &app.releases);
    let charts = releases.filter(|release| release.chart.name == "argo-cd");
    maps.filter_map(|(_, map)| map.root.get("data"))
        .chain(charts.filter_map(|release| release.values.at(&["configs", "cm"])))
}
