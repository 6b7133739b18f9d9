//! See `rules/service/service-selector-no-match.md`.

use foldhash::{HashSet, HashSetExt};

use crate::repository::Repository;
use crate::rules::selection::{self, Missed, Selecting};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    // Who writes the addresses of a Service, by its namespace and name.
    let mut addressed: HashSet<(&str, &str)> = HashSet::new();
    let mut services = Vec::new();
    for (at, app) in repository.deployed() {
        for object in &app.objects {
            let namespace = repository.home_of(app, object);
            match (object.id.group.as_str(), object.id.kind.as_str()) {
                ("", "Endpoints") => {
                    addressed.insert((namespace, &object.id.name));
                }
                ("discovery.k8s.io", "EndpointSlice") => {
                    let of = object.root.str_at(&["metadata", "labels", "kubernetes.io/service-name"]);
                    addressed.extend(of.map(|service| (namespace, service)));
                }
                ("", "Service") if object.root.str_at(&["spec", "type"]) != Some("ExternalName") => {
                    let Some(selector) = object.root.at(&["spec", "selector"]) else { continue };
                    let query = selection::plain(selector);
                    services.push(Selecting { app: at, object, namespaces: vec![namespace], query });
                }
                _ => {}
            }
        }
    }
    services.retain(|service| {
        let name = service.object.id.name.as_str();
        !service.namespaces.iter().any(|namespace| addressed.contains(&(namespace, name)))
    });
    let words = |missed: &Missed<'_, '_>| {
        format!(
            "{} sends to pods with `{}`, and no pod {}has that: the Service has no endpoints, and every connection to it \
             is refused",
            missed.by.object.id,
            missed.by.query,
            missed.place(),
        )
    };
    selection::report_without_pods(repository, &services, words, findings);
}
