//! See `rules/role/role-bootstrap-incomplete.md`.

use crate::finding::Severity;
use crate::kubernetes::{Object, Version};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Object(check);

/// One grant of the table `rules/data/bootstrap-roles.tsv`.
#[derive(Clone, Copy)]
struct Grant<'a> {
    /// One of them will do: events and ReplicaSets are served in two.
    groups: &'a str,
    resource: &'a str,
    name: &'a str,
    verb: &'a str,
}

fn check(object: &Object, _: &BuiltApp, repository: &Repository, findings: &mut Findings<'_>) {
    if !object.id.is("rbac.authorization.k8s.io", "ClusterRole") || !object.id.name.starts_with("system:") {
        return;
    }
    let cluster = repository.release_at(object.name_span().file);
    let newest = cluster.map(|target| target.version);
    let needed = needed(&object.id.name, newest);
    if needed.is_empty() {
        return;
    }
    let rules = object.root.get("rules");
    if rules.is_some_and(Node::is_unknown) || object.root.get("aggregationRule").is_some() {
        return;
    }
    let items = rules.map(Node::items).unwrap_or_default();
    let missing: Vec<Grant<'_>> =
        needed.into_iter().filter(|grant| !items.iter().any(|rule| grants(rule, *grant))).collect();
    let key = object.root.as_mapping().and_then(|map| map.entry("rules")).map(|entry| entry.key.span);
    let span = key.unwrap_or_else(|| object.name_span());
    let id = &object.id;
    // Without events a program works, though nobody sees what it does.
    let worst = missing.iter().find(|grant| grant.resource != "events").or(missing.first());
    let Some(first) = worst else {
        let message = format!(
            "{id} is written by the API server itself, which adds what a new release needs at its start. A copy here takes \
             that away again at the next sync after an upgrade"
        );
        let finding = findings.report(object.name_span(), message);
        finding
            .severity(Severity::Info)
            .help("leave the role to the API server; bind a second ClusterRole for what is missing");
        return;
    };
    let annotation = object.root.at(&["metadata", "annotations", "rbac.authorization.kubernetes.io/autoupdate"]);
    let repair = if annotation.and_then(Node::value_text) == Some("false") {
        "the API server never repairs it, because autoupdate is off"
    } else {
        "the API server repairs it only when it starts, until the next sync"
    };
    let verbs: Vec<&str> = missing
        .iter()
        .filter(|grant| (grant.groups, grant.resource, grant.name) == (first.groups, first.resource, first.name))
        .map(|grant| grant.verb)
        .collect();
    let group = first.groups.rsplit(',').next().unwrap_or_default();
    let resource = if group.is_empty() { first.resource.to_owned() } else { format!("{group}/{}", first.resource) };
    let message = format!(
        "{id} lacks what the program needs, first of all `{resource}` ({}): its requests are refused as forbidden, {}, and {repair}",
        verbs.join(", "),
        consequence(&id.name)
    );
    let finding = findings.report(span, message);
    finding.label(format!("{} of its permissions are missing", missing.len()));
    if let Some((place, version)) = cluster.and_then(|cluster| Some((cluster.span?, cluster.version))) {
        finding.related(place, format!("the cluster runs {version}"));
    }
    finding.help(format!(
        "take this role out of Git: the API server owns it. Bind a ClusterRole of another name to `{}` for more",
        id.name
    ));
}

fn consequence(role: &str) -> &'static str {
    match role {
        "system:node-proxier" => "Services are not reached from its nodes",
        _ => "new pods stay Pending",
    }
}

/// What the table asks for.
fn needed(role: &str, newest: Option<Version>) -> Vec<Grant<'static>> {
    let lines = include_str!("../../../rules/data/bootstrap-roles.tsv").lines();
    let mut needed = Vec::new();
    // The first line that is no comment names the columns.
    for line in lines.filter(|line| !line.starts_with('#')).skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [name, groups, resources, names, verbs, since] = cells[..] else { continue };
        let is_due =
            since.is_empty() || Version::parse(since).zip(newest).is_some_and(|(since, newest)| newest >= since);
        if name != role || !is_due {
            continue;
        }
        for resource in resources.split(',') {
            for verb in verbs.split(',') {
                needed.push(Grant { groups, resource, name: names, verb });
            }
        }
    }
    needed
}

/// Whether a rule of the role gives a grant.
fn grants(rule: &Node, grant: Grant<'_>) -> bool {
    let list = |key: &str| rule.get(key).map(Node::items).unwrap_or_default();
    // What can't be known may be anything.
    if rule.is_unknown()
        || ["apiGroups", "resources", "verbs"].iter().any(|key| rule.get(key).is_some_and(Node::is_unknown))
    {
        return true;
    }
    let has = |key: &str, wanted: &str| {
        list(key)
            .iter()
            .any(|item| item.is_unknown() || matches!(item.as_text(), Some(text) if text == wanted || text == "*"))
    };
    let names = list("resourceNames");
    let named =
        names.is_empty() || !grant.name.is_empty() && names.iter().any(|name| name.as_text() == Some(grant.name));
    let subresource = grant.resource.split_once('/').map(|(_, part)| format!("*/{part}"));
    grant.groups.split(',').any(|group| has("apiGroups", group))
        && (has("resources", grant.resource) || subresource.is_some_and(|any| has("resources", &any)))
        && has("verbs", grant.verb)
        && named
}
