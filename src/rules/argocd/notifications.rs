//! The templates of Argo CD's notifications, wherever the repository configures them.

use crate::repository::{BuiltApp, Repository};
use crate::yaml::{Entry, Node};

/// Every template, with the app that brings it.
pub(super) fn templates(repository: &Repository) -> Vec<(&BuiltApp, &Node)> {
    let mut found: Vec<(&BuiltApp, &Node)> = Vec::new();
    let is_template = |entry: &&Entry| entry.key.text.starts_with("template.");
    for app in &repository.apps {
        let maps = app.objects.iter().filter(|object| object.id.is("", "ConfigMap"));
        let maps =
            maps.filter(|object| object.id.name.contains("notifications")).filter_map(|object| object.root.get("data"));
        let charts = app.releases.iter().filter(|release| release.chart.name.starts_with("argo"));
        let values = charts.flat_map(|release| {
            let nested = release.values.get("argo-cd").and_then(|values| values.at(&["notifications", "templates"]));
            let own = release.values.at(&["notifications", "templates"]);
            [own, nested, release.values.get("templates")].into_iter().flatten()
        });
        for map in maps.chain(values) {
            found.extend(map.entries().iter().filter(is_template).map(|entry| (app, &entry.value)));
        }
    }
    found
}
