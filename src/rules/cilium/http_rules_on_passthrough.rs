//! See `rules/cilium/cilium-http-rules-on-passthrough.md`.

use crate::kubernetes::Object;
use crate::kubernetes::network_policy::{Match, PodLabels, Rule, Test};
use crate::repository::network::{Group, Network, PlacedPolicy};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let network = repository.network();
    let with_http = |policy: &PlacedPolicy| policy.policy.ingress.allow.iter().any(|rule| rule.http.is_some());
    if !network.policies.iter().any(with_http) {
        return;
    }
    let backends = backends(repository);
    for policy in network.policies.iter().filter(|policy| with_http(policy)) {
        let Some((backend, rules)) = backends.iter().find_map(|backend| {
            let rules = backend.judged(policy, network);
            (!rules.is_empty()).then_some((backend, rules))
        }) else {
            continue;
        };
        let mut spans = rules.iter().filter_map(|rule| rule.http);
        let Some(first) = spans.next() else { continue };
        let says = policy.name(repository);
        findings.about(repository.apps.get(policy.app), policy.object(repository));
        let finding = findings.report(
            first,
            format!(
                "{says} has HTTP rules for pods that {} sends TLS to without ending it: Cilium's proxy reads TLS as HTTP and \
                 resets every connection",
                backend.route.id
            ),
        );
        finding.label("what arrives here is not HTTP").related(backend.span, "passed on as it is");
        for span in spans {
            finding.related(span, "and here");
        }
        finding.help("take the HTTP rules away and keep the ports, or end TLS before the pods");
    }
}

/// A Service that gets TLS as the client sent it.
struct Backend<'a> {
    route: &'a Object,
    span: Span,
    name: &'a str,
    namespace: &'a str,
    /// The labels that the Service selects by, if it is known.
    selector: Option<PodLabels>,
}

impl Backend<'_> {
    /// The rules of a policy that judge HTTP on the way to this Service's pods.
    fn judged<'n>(&self, policy: &'n PlacedPolicy, network: &Network) -> Vec<&'n Rule> {
        let subject = &policy.policy.subject;
        let selected = match &self.selector {
            Some(labels) => {
                let group = Group { cluster: policy.cluster.as_deref(), namespace: self.namespace, labels };
                network.is_in(subject, policy, group) == Match::Yes
            }
            // Charts name Services and their pods alike.
            None => {
                policy.namespace == self.namespace
                    && subject.labels.names_program()
                    && subject.labels.requirements.iter().any(
                        |requirement| matches!(&requirement.test, Test::In(values) if values.iter().any(|value| value == self.name)),
                    )
            }
        };
        let rules = policy.policy.ingress.allow.iter().filter(|rule| selected && rule.http.is_some());
        rules.collect()
    }
}

fn backends(repository: &Repository) -> Vec<Backend<'_>> {
    let objects = || repository.apps.iter().flat_map(|app| app.objects.iter().map(move |object| (app, object)));
    let mut backends = Vec::new();
    for (app, route) in objects() {
        let own = repository.home_of(app, route);
        for service in passed_on(app, route, repository) {
            let Some(name) = service.get("name").and_then(Node::as_text) else { continue };
            let namespace = service.get("namespace").and_then(Node::as_text).unwrap_or(own);
            backends.push(Backend { route, span: route.name_span(), name, namespace, selector: None });
        }
    }
    if backends.is_empty() {
        return backends;
    }
    for (app, service) in objects().filter(|(_, object)| object.id.is("", "Service")) {
        let home = repository.home_of(app, service);
        let selector = service.root.at(&["spec", "selector"]);
        for backend in
            backends.iter_mut().filter(|backend| service.id.name == backend.name && home == backend.namespace)
        {
            let mut labels = PodLabels::default();
            for entry in selector.map(Node::entries).unwrap_or_default() {
                labels.set(entry.key.text.clone(), entry.value.as_text().map(Into::into));
            }
            backend.selector = Some(labels);
        }
    }
    backends
}

/// The Services to which a route passes TLS on.
fn passed_on<'a>(app: &BuiltApp, route: &'a Object, repository: &Repository) -> Vec<&'a Node> {
    let rules = || route.root.at(&["spec", "rules"]).map(Node::items).unwrap_or_default().iter();
    let routes = || route.root.at(&["spec", "routes"]).map(Node::items).unwrap_or_default().iter();
    match (route.id.group.as_str(), route.id.kind.as_str()) {
        ("gateway.networking.k8s.io", "TLSRoute") if !is_terminated(app, route, repository) => {
            rules().flat_map(|rule| rule.get("backendRefs").map(Node::items).unwrap_or_default()).collect()
        }
        ("traefik.io" | "traefik.containo.us", "IngressRouteTCP")
            if route.root.at(&["spec", "tls", "passthrough"]).and_then(Node::as_bool) == Some(true) =>
        {
            routes().flat_map(|route| route.get("services").map(Node::items).unwrap_or_default()).collect()
        }
        ("networking.k8s.io", "Ingress") if is_marked(route) => {
            let paths = rules().flat_map(|rule| rule.at(&["http", "paths"]).map(Node::items).unwrap_or_default());
            paths.filter_map(|path| path.at(&["backend", "service"])).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether ingress-nginx is told to pass TLS on.
fn is_marked(ingress: &Object) -> bool {
    let annotations = ingress.root.at(&["metadata", "annotations"]);
    annotations.and_then(|map| map.get("nginx.ingress.kubernetes.io/ssl-passthrough")).and_then(Node::as_text)
        == Some("true")
}

/// Whether a Gateway of the route is known to end TLS itself.
fn is_terminated(app: &BuiltApp, route: &Object, repository: &Repository) -> bool {
    let own = repository.home_of(app, route);
    let parents = route.root.at(&["spec", "parentRefs"]).map(Node::items).unwrap_or_default();
    let gateways = repository.objects_of("gateway.networking.k8s.io", "Gateway");
    let mut listeners = gateways.flat_map(|(app, gateway)| {
        let home = repository.home_of(app, gateway);
        let refers = move |parent: &&Node| {
            let namespace = parent.get("namespace").and_then(Node::as_text).unwrap_or(own);
            parent.str_at(&["name"]) == Some(gateway.id.name.as_str()) && namespace == home
        };
        let section = parents.iter().find(refers).map(|parent| parent.str_at(&["sectionName"]));
        let listeners = gateway.root.at(&["spec", "listeners"]).map(Node::items).unwrap_or_default();
        listeners.iter().filter(move |listener| {
            section.is_some_and(|section| section.is_none_or(|name| listener.str_at(&["name"]) == Some(name)))
        })
    });
    listeners.any(|listener| listener.str_at(&["tls", "mode"]) == Some("Terminate"))
}
