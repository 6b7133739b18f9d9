//! ServiceMonitors and PodMonitors, and what they may select.

use std::borrow::Cow;

use crate::kubernetes::network_policy::{LabelQuery, PodLabels, Test};
use crate::repository::Repository;
use crate::rules::selection::{self, Selecting, Target};
use crate::yaml::Node;

/// Monitors with the namespaces that they look in.
pub(super) fn monitors<'a>(repository: &'a Repository, kind: &str) -> Vec<Selecting<'a>> {
    let mut all = Vec::new();
    for (at, app, object) in repository.deployed_objects_of("monitoring.coreos.com", kind) {
        let Some(selector) = object.root.at(&["spec", "selector"]) else { continue };
        let scope = object.root.at(&["spec", "namespaceSelector"]);
        let any = scope.and_then(|scope| scope.get("any")).is_some_and(|any| any.as_bool() != Some(false));
        let names = scope.and_then(|scope| scope.get("matchNames")).map(Node::items).unwrap_or_default();
        let namespaces = match () {
            () if any || scope.is_some_and(Node::is_unknown) => Vec::new(),
            () if names.is_empty() => vec![repository.home_of(app, object)],
            () => names.iter().filter_map(Node::as_text).collect(),
        };
        all.push(Selecting { app: at, object, namespaces, query: LabelQuery::of(selector) });
    }
    all
}

/// Every Service, by its own labels.
pub(super) fn services(repository: &Repository) -> Vec<Target<'_>> {
    let mut all = Vec::new();
    for (at, app, object) in repository.deployed_objects_of("", "Service") {
        let written = object.root.at(&["metadata", "labels"]);
        let query = written.map(selection::plain).unwrap_or_default();
        let mut labels = query.examples(1).pop().unwrap_or_default();
        labels.closed = query.requirements.iter().all(|requirement| requirement.test != Test::Unknown);
        let span = written.map_or_else(|| object.name_span(), |labels| labels.span);
        let labels: Cow<'_, PodLabels> = Cow::Owned(labels);
        let (namespace, selector) = (repository.home_of(app, object), object.root.at(&["spec", "selector"]));
        all.push(Target { app: at, object, namespace, labels, span, selector });
    }
    all
}
