//! What to say of elements that a strategic merge patch adds to a list where it was to change one.

use super::id::text_of;
use super::patch::describe;
use super::problem::{Problem, ProblemKind};
use super::resource::Resource;
use crate::finding::Severity;
use crate::source::Span;
use crate::yaml::{Entry, Node, Value};

/// Kinds whose `containers`, `volumes` and `ports` are those of pods. A custom resource may well have elements that say
/// less, for its operator to complete.
const WITH_PODS: [&str; 8] =
    ["CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "ReplicationController", "StatefulSet"];

/// An element that a strategic merge patch appended to a list merged by key, if it can't be meant as a new one.
pub(super) fn appended(list: &str, element: &Node, resource: &Resource, before: &Node) -> Option<Problem> {
    match list {
        "containers" | "initContainers" => appended_container(list, element, resource, before),
        "ports" => appended_port(element, resource).or_else(|| port_without_number(element, resource, before)),
        "volumes" => appended_volume(element, resource, before),
        _ => None,
    }
}

fn has_pods(resource: &Resource) -> bool {
    WITH_PODS.contains(&resource.id().gvk.kind.as_str())
}

/// A port that was to be changed: ports are found by their numbers, not by their names.
fn appended_port(element: &Node, resource: &Resource) -> Option<Problem> {
    let list = list_with(&resource.root, "ports", element.span)?;
    let key = ["port", "containerPort"].into_iter().find(|key| element.get(key).is_some())?;
    let others = || list.iter().filter(|other| other.span != element.span);
    let name = element.get("name").map(|name| text_of(Some(name))).filter(|name| !name.is_empty());
    let object = describe(resource);
    let same = others().find(|other| name.is_some_and(|name| text_of(other.get("name")) == name));
    let (message, other) = match (same, name) {
        (Some(other), Some(name)) => {
            let message = format!(
                "{object} has a port `{name}` with another number, and kustomize goes by the number: the patch adds a second \
                 port `{name}`, which the API server rejects"
            );
            (message, other)
        }
        (_, None) if key == "port" && others().count() == 1 => {
            let message = format!(
                "kustomize goes by the number of a port, so the patch adds a second one to {object}, and the API server \
                 rejects several ports without names"
            );
            (message, others().next()?)
        }
        _ => return None,
    };
    let number = |node: &Node| text_of(node.get(key)).to_owned();
    let place = element.get(key).map_or(element.span, |number| number.span);
    let help = format!(
        "to change the number use a JSON patch, or remove the old port with `{{{key}: {}, $patch: delete}}` in the same list",
        number(other)
    );
    let problem = Problem::new(ProblemKind::PatchAppendsElement, place, message);
    Some(problem.related(other.span, format!("the port {} that stays", number(other))).help(help))
}

/// The list called `name` that has an element from this place.
fn list_with<'a>(node: &'a Node, name: &str, element: Span) -> Option<&'a [Node]> {
    match &node.value {
        Value::Scalar(_) => None,
        Value::Sequence(items) => items.iter().find_map(|item| list_with(item, name, element)),
        Value::Mapping(mapping) => mapping.iter().find_map(|entry| {
            let here = entry.key.text == name && entry.value.items().iter().any(|item| item.span == element);
            if here { Some(entry.value.items()) } else { list_with(&entry.value, name, element) }
        }),
    }
}

fn appended_container(list: &str, element: &Node, resource: &Resource, before: &Node) -> Option<Problem> {
    if element.get("image").is_some() {
        return None;
    }
    let name = element.get("name")?;
    let own = text_of(Some(name));
    let mut names: Vec<(&str, Span)> = Vec::new();
    collect_names(before, list, &mut names);
    if names.is_empty() && !has_pods(resource) {
        return None;
    }
    let other_list = if list == "containers" { "initContainers" } else { "containers" };
    let mut others: Vec<(&str, Span)> = Vec::new();
    collect_names(before, other_list, &mut others);
    let elsewhere = others.into_iter().find(|(other, _)| *other == own);
    let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    let message = format!(
        "{} has no container `{own}`, so the patch adds one without an image instead of changing one, and the API server \
         rejects it",
        describe(resource)
    );
    let mut problem = Problem::new(ProblemKind::PatchAppendsElement, name.span, message);
    if let Some((_, span)) = elsewhere {
        problem.related.push((span, format!("`{own}` stands in `{other_list}`")));
        problem.help = Some(format!("write it under `{other_list}`"));
        return Some(problem);
    }
    problem.related.extend(names.first().map(|(name, span)| (*span, format!("here stands `{name}`"))));
    problem.help = Some(match (super::nearest(own, known.iter().copied()), known.as_slice()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, []) => format!("{} has no `{list}` at all: write an `image` if it is to be new", describe(resource)),
        (None, [only]) => format!("the container is called `{only}`"),
        (None, _) => format!("the containers are called {}", known.join(", ")),
    });
    Some(problem)
}

/// A port that says everything but its number, by which it would be found.
fn port_without_number(element: &Node, resource: &Resource, before: &Node) -> Option<Problem> {
    let key = match resource.id().gvk.kind.as_str() {
        "Service" => "port",
        _ if has_pods(resource) => "containerPort",
        _ => return None,
    };
    if element.get(key).is_some_and(|number| !number.is_null()) {
        return None;
    }
    let object = describe(resource);
    let name = element.get("name").filter(|name| !text_of(Some(name)).is_empty());
    let (own, place) = match name {
        Some(name) => (format!(" `{}`", text_of(Some(name))), name.span),
        None => (String::new(), element.span),
    };
    let message = format!(
        "kustomize goes by the number of a port, and this one has none: the patch adds a port{own} without `{key}` to \
         {object}, which the API server rejects"
    );
    let problem = Problem::new(ProblemKind::PatchAppendsElement, place, message);
    let mut ports: Vec<(&str, Span)> = Vec::new();
    collect_names(before, "ports", &mut ports);
    let same = ports.iter().find(|(other, _)| name.is_some_and(|name| text_of(Some(name)) == *other));
    Some(match same {
        Some((_, span)) => problem.related(*span, "the port that is meant").help(format!("write its `{key}` too")),
        None => problem.help(format!("write its `{key}`")),
    })
}

/// A volume that says nothing but its name. Where something mounts it, it is meant as a new one, unless a source that was
/// to be there is empty.
fn appended_volume(element: &Node, resource: &Resource, before: &Node) -> Option<Problem> {
    let name = element.get("name").filter(|name| !text_of(Some(name)).is_empty())?;
    let own = text_of(Some(name));
    let others = || element.entries().iter().filter(|entry| entry.key.text != "name");
    if !has_pods(resource) || others().any(|entry| !entry.value.is_null()) {
        return None;
    }
    let left_empty = others().find(|entry| entry.key.text != "emptyDir");
    if left_empty.is_none() && mounts(&resource.root, own) {
        return None;
    }
    let mut names: Vec<(&str, Span)> = Vec::new();
    collect_names(before, "volumes", &mut names);
    let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    let object = describe(resource);
    let message = format!(
        "{object} has no volume `{own}`, so the patch adds one, and without a source it is an empty directory whose \
         content goes with the pod"
    );
    let mut problem =
        Problem::new(ProblemKind::PatchAppendsElement, left_empty.map_or(name.span, |entry| entry.key.span), message);
    problem.severity = Some(Severity::Warning);
    problem.related.extend(names.first().map(|(name, span)| (*span, format!("here stands `{name}`"))));
    problem.help = Some(match (super::nearest(own, known.iter().copied()), left_empty) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Some(entry)) => format!("indent what belongs to `{}` below it", entry.key.text),
        (None, None) => "write its source, or `emptyDir: {}` if an empty directory is meant".to_owned(),
    });
    Some(problem)
}

/// Whether a container mounts a volume of that name.
fn mounts(node: &Node, volume: &str) -> bool {
    let is_mount = |entry: &Entry| {
        matches!(entry.key.text.as_str(), "volumeMounts" | "volumeDevices")
            && entry.value.items().iter().any(|mount| text_of(mount.get("name")) == volume)
    };
    let entries = node.entries().iter();
    entries.clone().any(|entry| is_mount(entry) || mounts(&entry.value, volume))
        || node.items().iter().any(|item| mounts(item, volume))
}

fn collect_names<'a>(node: &'a Node, list: &str, names: &mut Vec<(&'a str, Span)>) {
    for item in node.items() {
        collect_names(item, list, names);
    }
    for entry in node.entries() {
        if entry.key.text == list {
            let named = entry.value.items().iter().filter_map(|item| item.get("name"));
            names.extend(named.filter_map(|name| Some((name.as_str()?, name.span))));
        } else {
            collect_names(&entry.value, list, names);
        }
    }
}
