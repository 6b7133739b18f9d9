//! See `rules/statefulset/statefulset-service-not-headless.md`.

use foldhash::{HashMap, HashMapExt};

use crate::kubernetes::{Object, Pod};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::{Node, Value};

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut services: HashMap<(&str, &str), &Object> = HashMap::new();
    for object in app.objects.iter().filter(|object| object.id.is("", "Service")) {
        services.insert((repository.home_of(app, object), object.id.name.as_str()), object);
    }
    if services.is_empty() {
        return;
    }
    for object in app.objects.iter().filter(|object| object.id.is("apps", "StatefulSet")) {
        let named = object.root.at(&["spec", "serviceName"]);
        let service = named.and_then(Node::as_text).and_then(|name| {
            services.get(&(repository.home_of(app, object), name)).filter(|service| has_address(service))
        });
        let (Some(named), Some(service)) = (named, service) else { continue };
        // A pod knows its own name, by custom as one of these variables.
        let members = [format!("{}-0", object.id.name), "$(POD_NAME)".to_owned(), "$(HOSTNAME)".to_owned()];
        let members = members.map(|pod| format!("{pod}.{}", service.id.name));
        let namespace = repository.home_of(app, object);
        let found = members.iter().find_map(|member| Some((member, mention(object, member, namespace)?)));
        let Some((member, used)) = found else { continue };
        findings.about(Some(app), Some(object));
        let message = format!(
            "{} looks for its member `{member}`, but {} has an address of its own: only a Service without one gives names to \
             single pods, and this name does not resolve",
            object.id, service.id
        );
        let place = service.root.at(&["spec", "clusterIP"]).map_or(service.name_span(), |node| node.span);
        let finding = findings.report(place, message);
        finding.label("write `clusterIP: None`").related(used, "named here").related(named.span, "by this Service");
        finding.help(
            "write `clusterIP: None`; the field can't be changed in the cluster, so delete the Service there first, or give the \
             StatefulSet a second Service",
        );
    }
}

/// Whether a Service has an address, so that its pods have no names.
fn has_address(service: &Object) -> bool {
    let Some(spec) = service.root.get("spec") else { return false };
    let address = spec.get("clusterIP").filter(|address| !address.is_null());
    let known =
        address.is_none_or(|node| node.as_text().is_some_and(|text| text != "None" && !text.contains(['$', '{'])));
    known && spec.str_at(&["type"]) != Some("ExternalName") && spec.get("selector").is_some()
}

/// The text of a container's arguments or environment that names a member.
fn mention(object: &Object, member: &str, namespace: &str) -> Option<Span> {
    let containers = Pod::of(object).into_iter().flat_map(Pod::containers);
    let mut open: Vec<&Node> = containers
        .flat_map(|container| ["command", "args", "env"].map(|key| container.node.get(key)))
        .flatten()
        .collect();
    while let Some(node) = open.pop() {
        match &node.value {
            Value::Scalar(text) if names(text, member, namespace) => return Some(node.span),
            Value::Scalar(_) => {}
            Value::Sequence(items) => open.extend(items.iter()),
            Value::Mapping(mapping) => open.extend(mapping.iter().map(|entry| &entry.value)),
        }
    }
    None
}

/// Whether a text has a name as a whole, or with its namespace behind it.
fn names(text: &str, member: &str, namespace: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    text.match_indices(member).any(|(at, _)| {
        let before = text.get(..at).and_then(|start| start.chars().next_back());
        let behind = text.get(at + member.len()..).unwrap_or_default();
        let domain = behind.strip_prefix('.').map(|domain| domain.split(|c| !is_part(c)).next().unwrap_or_default());
        let is_own = domain.is_none_or(|domain| domain.is_empty() || domain == namespace || namespace.is_empty());
        !before.is_some_and(|c| is_part(c) || c == '.') && !behind.starts_with(is_part) && is_own
    })
}
