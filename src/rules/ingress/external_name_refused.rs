//! See `rules/ingress/ingress-external-name-refused.md`.

use foldhash::{HashMap, HashMapExt};

use crate::helm::Release;
use crate::kubernetes::Object;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let traefik = |release: &&Release| release.chart.name == "traefik";
    let releases: Vec<&Release> = repository.apps.iter().flat_map(|app| &app.releases).filter(traefik).collect();
    // Where Traefik is configured elsewhere, it may be allowed there.
    if releases.is_empty() || releases.iter().any(|release| release.incomplete || may_allow(release)) {
        return;
    }
    for app in &repository.apps {
        let mut services: HashMap<(&str, &str), &Object> = HashMap::new();
        for object in app.objects.iter().filter(|object| object.id.is("", "Service")) {
            if object.root.str_at(&["spec", "type"]) == Some("ExternalName") {
                services.insert((app.namespace_of(object), object.id.name.as_str()), object);
            }
        }
        if services.is_empty() {
            continue;
        }
        for object in app.objects.iter().filter(|object| object.id.is("networking.k8s.io", "Ingress")) {
            if object.root.str_at(&["spec", "ingressClassName"]).is_none_or(|class| !class.starts_with("traefik")) {
                continue;
            }
            for name in backends(object) {
                let service = name.as_text().and_then(|text| services.get(&(app.namespace_of(object), text)));
                let Some(service) = service else { continue };
                findings.about(Some(app), Some(object));
                let message = format!(
                    "{} leads to {}, which is only a name for another host, and Traefik is not allowed to follow such: the \
                     route is left out, and answers 404",
                    object.id, service.id
                );
                let finding = findings.report(name.span, message);
                finding.related(service.name_span(), "of type ExternalName");
                finding.help(
                    "write `providers: {kubernetesIngress: {allowExternalNameServices: true}}` in the values of Traefik, or lead \
                     to a Service with pods",
                );
            }
        }
    }
}

/// Whether Traefik follows names of other hosts, or may be told to by arguments of its own.
fn may_allow(release: &Release) -> bool {
    let allowed = release.values.at(&["providers", "kubernetesIngress", "allowExternalNameServices"]);
    let arguments = ["additionalArguments", "globalArguments"].into_iter().filter_map(|key| release.values.get(key));
    allowed.is_some_and(|on| on.as_bool() != Some(false)) || arguments.into_iter().any(|list| !list.items().is_empty())
}

/// The names of the Services that an Ingress leads to.
fn backends(ingress: &Object) -> Vec<&Node> {
    let rules = ingress.root.at(&["spec", "rules"]).map(Node::items).unwrap_or_default();
    let paths = rules.iter().filter_map(|rule| rule.at(&["http", "paths"])).flat_map(Node::items);
    let default = ingress.root.at(&["spec", "defaultBackend", "service", "name"]);
    paths.filter_map(|path| path.at(&["backend", "service", "name"])).chain(default).collect()
}
