//! See `rules/argo/argo-events-event-bus-missing.md`.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashMapExt};

use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

const GROUP: &str = "argoproj.io";

/// Other objects that need the same bus and are named beside the first.
const MOST_PLACES: usize = 4;

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    if repository.apps.iter().any(may_bring_a_bus) {
        return;
    }
    // Their namespaces, by name.
    let mut buses: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for (app, bus) in repository.objects_of(GROUP, "EventBus") {
        buses.entry(&bus.id.name).or_default().insert(repository.home_of(app, bus));
    }
    let mut missing: BTreeMap<_, Vec<(&BuiltApp, &Object, Span)>> = BTreeMap::new();
    for (app, object) in repository.objects_of(GROUP, "EventSource").chain(repository.objects_of(GROUP, "Sensor")) {
        let written = object.root.at(&["spec", "eventBusName"]);
        // Without a name, both take the bus `default` of their namespace.
        let (name, span) = match written {
            Some(node) => match node.as_text() {
                Some(name) => (name, node.span),
                None => continue,
            },
            None => ("default", object.name_span()),
        };
        let namespace = repository.home_of(app, object);
        let homes = buses.get(name);
        let there = homes.is_some_and(|homes| namespace.is_empty() || homes.contains("") || homes.contains(namespace));
        if !there && !repository.config.is_external("EventBus", namespace, name) && !name.contains(['{', '$']) {
            missing.entry((namespace, name)).or_default().push((app, object, span));
        }
    }
    for ((namespace, name), users) in missing {
        let Some((app, object, span)) = users.first() else { continue };
        findings.about(Some(*app), Some(*object));
        let place = if namespace.is_empty() { String::new() } else { format!(" in namespace `{namespace}`") };
        let elsewhere = buses.get(name).and_then(BTreeSet::first);
        let message = format!(
            "{} uses the EventBus `{name}`, and there is none{place}: events have no way from sources to sensors, and no pod \
             is started for them",
            object.id
        );
        let finding = findings.report(*span, message);
        finding.label("no such EventBus");
        for (_, other, span) in users.iter().skip(1).take(MOST_PLACES) {
            finding.related(*span, format!("{} uses it too", other.id.kind));
        }
        match elsewhere {
            Some(home) => finding.help(format!("the one in `{home}` does not count here: add an EventBus{place}")),
            None => finding.help(format!("add an EventBus with the name `{name}`{place}")),
        };
    }
}

/// Whether a chart may bring an EventBus: one that lies here and is not seen through, or one with manifests among its
/// values.
fn may_bring_a_bus(app: &BuiltApp) -> bool {
    let extra = |values: &Node| {
        ["extraObjects", "extraDeploy", "extraManifests"].iter().any(|key| values.get(key).is_some_and(mentions_a_bus))
    };
    app.releases.iter().any(|release| release.chart.directory.is_some() || extra(&release.values))
}

fn mentions_a_bus(node: &Node) -> bool {
    let is_bus = |item: &Node| match item.get("kind") {
        Some(kind) => kind.as_text().is_none_or(|kind| kind == "EventBus"),
        None => item.as_text().is_none_or(|text| text.contains("EventBus")),
    };
    node.items().iter().chain(node.entries().iter().map(|entry| &entry.value)).any(is_bus)
}
