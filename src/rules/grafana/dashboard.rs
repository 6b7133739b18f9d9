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

/// Every dashboard whose text is worth reading. Those of grafana-operator's objects are left out.
pub(super) fn all(repository: &Repository, worth_reading: fn(&str) -> bool) -> Vec<Dashboard<'_>> {
    let labels = sidecar::labels(repository, "dashboards");
    let mut all = Vec::new();
    for app in &repository.apps {
        for object in app.objects.iter().filter(|object| object.id.is("", "ConfigMap")) {
            let own = object.root.at(&["metadata", "labels"]).map(Node::entries).unwrap_or_default();
            if !own.iter().any(|label| labels.contains(label.key.text.as_str())) {
                continue;
            }
            for entry in object.root.get("data").map(Node::entries).unwrap_or_default() {
                let text = entry.value.as_str().unwrap_or_default();
                if !entry.key.text.ends_with(".json") || !worth_reading(text) {
                    continue;
                }
                let stream = repository.files.embedded(&entry.value);
                let root = stream.documents.into_iter().next().and_then(|document| document.root);
                all.extend(root.map(|root| Dashboard { app, object, file: entry.key.text.as_str(), root }));
            }
        }
    }
    all
}
