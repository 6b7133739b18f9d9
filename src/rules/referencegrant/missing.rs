//! See `rules/referencegrant/referencegrant-missing.md`.

use std::cell::LazyCell;

use foldhash::{HashMap, HashSet};

use crate::finding::{Confidence, Severity};
use crate::kubernetes::Object;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

const GROUP: &str = "gateway.networking.k8s.io";

/// The kinds whose `backendRefs` may lead to another namespace.
const ROUTES: [&str; 5] = ["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"];

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut grants: HashMap<&str, Vec<&Object>> = HashMap::default();
    for (app, object) in repository.objects_of(GROUP, "ReferenceGrant") {
        grants.entry(repository.home_of(app, object)).or_default().push(object);
    }
    let sight = LazyCell::new(|| Sight::of(repository));
    let mut told = HashSet::default();
    for app in &repository.apps {
        for object in app.objects.iter().filter(|object| object.id.group == GROUP) {
            let own = repository.home_of(app, object);
            if own.is_empty() {
                continue;
            }
            for reference in references(object) {
                let text = |key| reference.get(key).and_then(Node::as_text);
                let (Some(there), Some(name)) = (text("namespace"), text("name")) else { continue };
                let default = if object.id.kind == "Gateway" { "Secret" } else { "Service" };
                let (group, kind) = (text("group").unwrap_or_default(), text("kind").unwrap_or(default));
                let is_settled = [there, name].into_iter().all(crate::references::is_settled);
                let wanted = Wanted { from: (&object.id.kind, own), to: (group, kind, name) };
                // A grant whose namespace is not known may be in this one.
                let mut known = ["", there].into_iter().filter_map(|namespace| grants.get(namespace)).flatten();
                let Some(place) = reference.get("namespace").map(|node| node.span) else { continue };
                if there == own
                    || !is_settled
                    || known.any(|grant| wanted.is_granted(grant))
                    || repository.config.is_external("ReferenceGrant", there, "")
                    || sight.hidden.contains(there)
                    || repository.network().is_foreign(there)
                    || !told.insert((object.name_span(), there, kind, name))
                {
                    continue;
                }
                findings.about(Some(app), Some(object));
                let consequence = match &*object.id.kind {
                    "Gateway" => "the listener has no certificate and is not programmed",
                    _ => "requests to it are answered with 500",
                };
                let seen = sight.known.contains(there);
                let message = format!(
                    "{} names {kind} `{name}` in namespace `{there}`, where no ReferenceGrant {}permits it: the \
                     controller reports RefNotPermitted, and {consequence}",
                    object.id,
                    if seen { "" } else { "of this repository " }
                );
                let finding = findings.report(place, message);
                finding.label("another namespace");
                if !seen {
                    finding.severity(Severity::Warning).confidence(Confidence::Medium);
                }
                finding.help(format!(
                    "add a ReferenceGrant to namespace `{there}`, from {} of namespace `{own}` to {kind}",
                    object.id.kind
                ));
                if let Some(near) = grants.get(there).and_then(|grants| grants.first()) {
                    finding.related(near.name_span(), "this grant of the namespace does not cover it");
                }
            }
        }
    }
}

/// What of the namespaces can be seen here.
struct Sight<'a> {
    /// Namespaces that something of this repository is in.
    known: HashSet<&'a str>,
    /// Those into which charts are installed that are told to make grants.
    hidden: HashSet<&'a str>,
}

impl<'a> Sight<'a> {
    fn of(repository: &'a Repository) -> Self {
        let (mut known, mut hidden) = (HashSet::default(), HashSet::default());
        for app in &repository.apps {
            known.extend(app.objects.iter().map(|object| repository.home_of(app, object)));
            for release in &app.releases {
                known.insert(release.namespace.as_str());
                if speaks_of_grants(&release.values) {
                    hidden.insert(release.namespace.as_str());
                }
            }
        }
        let namespaces = repository.objects_of("", "Namespace");
        known.extend(namespaces.map(|(_, namespace)| namespace.id.name.as_str()));
        Self { known, hidden }
    }
}

/// Whether a key or a kind among values is about ReferenceGrants.
fn speaks_of_grants(values: &Node) -> bool {
    let is_word = |text: &str| text.to_ascii_lowercase().contains("referencegrant");
    let mut open = vec![values];
    while let Some(node) = open.pop() {
        let keys = node.entries().iter().any(|entry| is_word(&entry.key.text));
        if keys || node.as_str().is_some_and(is_word) {
            return true;
        }
        open.extend(node.entries().iter().map(|entry| &entry.value));
        open.extend(node.items());
    }
    false
}

/// Every reference of a route or Gateway that needs a grant when it leaves the namespace.
fn references(object: &Object) -> Vec<&Node> {
    if object.id.kind == "Gateway" {
        let listeners = object.root.at(&["spec", "listeners"]).map(Node::items).unwrap_or_default();
        return listeners
            .iter()
            .filter_map(|listener| listener.at(&["tls", "certificateRefs"]))
            .flat_map(Node::items)
            .collect();
    }
    if !ROUTES.contains(&object.id.kind.as_str()) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for rule in object.root.at(&["spec", "rules"]).map(Node::items).unwrap_or_default() {
        let backends = rule.get("backendRefs").map(Node::items).unwrap_or_default();
        let holders = std::iter::once(rule).chain(backends);
        let filters = holders.filter_map(|holder| holder.get("filters")).flat_map(Node::items);
        found.extend(backends);
        found.extend(filters.filter_map(|filter| filter.at(&["requestMirror", "backendRef"])));
    }
    found
}

/// What a reference needs a grant for.
struct Wanted<'a> {
    /// Kind and namespace.
    from: (&'a str, &'a str),
    /// Group, kind and name.
    to: (&'a str, &'a str, &'a str),
}

impl Wanted<'_> {
    fn is_granted(&self, grant: &Object) -> bool {
        let list = |field| grant.root.at(&["spec", field]).map(Node::items).unwrap_or_default();
        let from = list("from").iter().any(|entry| {
            entry.str_at(&["group"]) == Some(GROUP)
                && entry.str_at(&["kind"]) == Some(self.from.0)
                && entry.get("namespace").and_then(Node::as_text).is_none_or(|namespace| namespace == self.from.1)
        });
        let to = list("to").iter().any(|entry| {
            entry.str_at(&["group"]).unwrap_or_default() == self.to.0
                && entry.str_at(&["kind"]) == Some(self.to.1)
                && entry.get("name").and_then(Node::as_text).is_none_or(|name| name.is_empty() || name == self.to.2)
        });
        let is_known = grant.root.get("spec").is_some_and(|spec| !spec.is_unknown());
        !is_known || from && to
    }
}
