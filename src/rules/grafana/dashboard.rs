//! Dashboards that a sidecar loads: JSON in ConfigMaps.

use super::sidecar;
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::yaml::Node;

/// One dashboard.
pub(super) struct Dashboard<'a> {
    /// The app that brings it.
    pub(super) app: &'a BuiltApp,
    /// The ConfigMap.
    pub(super) object: &'a Object,
    /// Its key in there, which is the file's name.
    pub(super) file: &'a str,
    /// The content.
    pub(super) root: Node,
}

/// A file with a dashboard, not read yet.
pub(super) struct File<'a> {
    /// The app that brings it.
    pub(super) app: &'a BuiltApp,
    /// The ConfigMap.
    pub(super) object: &'a Object,
    /// Its key in there.
    pub(super) name: &'a str,
    content: &'a Node,
}

impl<'a> File<'a> {
    /// The text.
    pub(super) fn text(&self) -> &'a str {
        self.content.as_str().unwrap_or_default()
    }

    /// Whether it is the other: one ConfigMap that two apps bring, or one text in two of them.
    pub(super) fn is_same(&self, other: &File<'_>) -> bool {
        self.content.span == other.content.span || self.object.id == other.object.id && self.name == other.name
    }

    /// The dashboard; `None` if it can't be read.
    pub(super) fn read(&self, repository: &Repository) -> Option<Dashboard<'a>> {
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

/// Every file with a dashboard. Those of grafana-operator's objects are left out.
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
        all.extend(jsons.map(|entry| File { app, object, name: entry.key.text.as_str(), content: &entry.value }));
    }
    all
}
