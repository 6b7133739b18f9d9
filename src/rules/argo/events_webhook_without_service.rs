//! See `rules/argo/argo-events-webhook-without-service.md`.

use std::collections::BTreeSet;

use foldhash::{HashMap, HashMapExt};

use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    // Keys that Services select by, by namespace.
    let mut keys: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for (app, service) in repository.objects_of("", "Service") {
        let selector = service.root.at(&["spec", "selector"]).map(Node::entries).unwrap_or_default();
        keys.entry(repository.home_of(app, service))
            .or_default()
            .extend(selector.iter().map(|it| it.key.text.as_str()));
    }
    for (app, object) in repository.objects_of("argoproj.io", "EventSource") {
        let Some(spec) = object.root.get("spec").filter(|spec| spec.get("service").is_none()) else { continue };
        let Some((port, span)) = spec.entries().iter().find_map(|entry| listening(&entry.key.text, &entry.value))
        else {
            continue;
        };
        let namespace = repository.home_of(app, object);
        // A Service of the user's own picks the pods by the labels that the controller or the template gives them.
        let labels = object.root.at(&["spec", "template", "metadata", "labels"]).map(Node::entries).unwrap_or_default();
        let is_label = |key: &str| {
            matches!(key, "controller" | "eventsource-name" | "owner-name")
                || labels.iter().any(|it| it.key.text == key)
        };
        if keys.get(namespace).is_some_and(|keys| keys.iter().any(|key| is_label(key))) {
            continue;
        }
        findings.about(Some(app), Some(object));
        let message = format!(
            "{} listens on port {port}, but has no `spec.service`, so the controller makes no Service for it, and nothing \
             can reach the webhook",
            object.id
        );
        findings
            .report(span, message)
            .label("no Service leads here")
            .help(format!("add `service: {{ports: [{{port: {port}, targetPort: {port}}}]}}` under `spec`"));
    }
}

/// The port on which events of a kind are waited for, and where it is written. `None` for kinds that fetch events.
fn listening<'a>(kind: &str, events: &'a Node) -> Option<(&'a str, Span)> {
    let webhook = |event: &'a Node| match kind {
        "webhook" => Some(event),
        "github" | "gitlab" | "bitbucket" | "bitbucketserver" | "slack" | "sns" | "storageGrid" | "stripe"
        | "gerrit" => event.get("webhook"),
        _ => None,
    };
    let port = events.entries().iter().find_map(|entry| webhook(&entry.value)?.get("port"))?;
    Some((port.as_text()?, port.span))
}
