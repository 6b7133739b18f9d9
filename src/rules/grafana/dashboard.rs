//! Dashboards in JSON that Grafana gets from this repository: in ConfigMaps that a sidecar loads, in values of its chart,
//! and in objects of the grafana-operator.

use super::sidecar;
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::yaml::Node;

/// One dashboard.
pub(crate) struct Dashboard<'a> {
    /// The app that brings it.
    pub(crate) app: &'a BuiltApp,
    /// The object that holds it; none for one in a chart's values.
    pub(crate) object: Option<&'a Object>,
    /// Its key in there, which is the file's name, or the object's name.
    pub(crate) file: &'a str,
    /// The content.
    pub(crate) root: Node,
}

/// A file with a dashboard, not read yet.
pub(crate) struct File<'a> {
    /// The app that brings it.
    pub(crate) app: &'a BuiltApp,
    /// The object that holds it; none for one in a chart's values.
    pub(crate) object: Option<&'a Object>,
    /// Its key in there, or the object's name.
    pub(crate) name: &'a str,
    content: &'a Node,
}

impl<'a> File<'a> {
    /// The text.
    pub(crate) fn text(&self) -> &'a str {
        self.content.as_str().unwrap_or_default()
    }

    /// Whether it is the other: one ConfigMap that two apps bring, or one text in two of them.
    pub(crate) fn is_same(&self, other: &File<'_>) -> bool {
        let id = |file: &Self| file.object.map(|object| &object.id);
        self.content.span == other.content.span
            || id(self).is_some() && id(self) == other.object.map(|object| &object.id) && self.name == other.name
    }

    /// The dashboard; `None` if it can't be read.
    pub(crate) fn read(&self, repository: &Repository) -> Option<Dashboard<'a>> {
        let stream = repository.files.embedded(self.content);
        let root = stream.documents.into_iter().next()?.root?;
        Some(Dashboard { app: self.app, object: self.object, file: self.name, root })
    }
}

/// Every dashboard whose text is worth reading, read one after the other: they are long.
pub(super) fn all(repository: &Repository, worth_reading: fn(&str) -> bool) -> impl Iterator<Item = Dashboard<'_>> {
    let files = files(repository).into_iter().filter(move |file| worth_reading(file.text()));
    files.filter_map(|file| file.read(repository))
}

/// Every file with a dashboard that some Grafana of its cluster may load.
pub(crate) fn loaded(repository: &Repository) -> Vec<File<'_>> {
    let sidecars = sidecar::known(repository, "dashboards");
    let mut files = files(repository);
    files.retain(|file| file.object.is_none_or(|object| sidecar::may_select(&sidecars, object, file.app)));
    files
}

/// Every file with a dashboard. Those of the grafana-operator's objects are left out, because it writes them through
/// Grafana's API.
pub(super) fn files(repository: &Repository) -> Vec<File<'_>> {
    let labels = sidecar::labels(repository, "dashboards");
    let mut all = Vec::new();
    for (app, object) in repository.objects_of("", "ConfigMap") {
        let own = object.root.at(&["metadata", "labels"]).map(Node::entries).unwrap_or_default();
        if !own.iter().any(|label| labels.contains(label.key.text.as_str())) {
            continue;
        }
        let data = object.root.get("data").map(Node::entries).unwrap_or_default();
        let jsons = data.iter().filter(|entry| entry.key.text.ends_with(".json"));
        let object = Some(object);
        all.extend(jsons.map(|entry| File { app, object, name: entry.key.text.as_str(), content: &entry.value }));
    }
    all.extend(of_values(repository));
    all
}

/// The dashboards that the values of a Grafana hold: `dashboards`, by provider and by name, as text under `json`.
fn of_values(repository: &Repository) -> Vec<File<'_>> {
    let mut all = Vec::new();
    for grafana in sidecar::grafanas(repository).into_iter().filter(|grafana| grafana.runs != Some(false)) {
        let providers = grafana.values.written("dashboards").map(Node::entries).unwrap_or_default();
        for entry in providers.iter().flat_map(|provider| provider.value.entries()) {
            let Some(content) = entry.value.get("json") else { continue };
            all.push(File { app: grafana.app, object: None, name: entry.key.text.as_str(), content });
        }
    }
    all
}

/// The dashboards that objects of the grafana-operator hold as text.
pub(super) fn of_operator(repository: &Repository) -> impl Iterator<Item = File<'_>> {
    repository.objects_of("grafana.integreatly.org", "GrafanaDashboard").filter_map(|(app, object)| {
        let content = object.root.at(&["spec", "json"])?;
        Some(File { app, object: Some(object), name: object.id.name.as_str(), content })
    })
}
