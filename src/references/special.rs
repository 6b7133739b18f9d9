//! References of kinds that name things in a way of their own.

use super::made::follow;
use super::{Found, Part, Place, Reference, Role, is_optional, name_of, place};
use crate::kubernetes::{Object, Pod};
use crate::yaml::Node;

const RBAC: &str = "rbac.authorization.k8s.io";

/// Collects what the object's own kind names.
pub(super) fn collect<'a>(object: &'a Object, list: &mut Vec<Reference<'a>>) {
    let root = &object.root;
    if let (false, Some(namespace)) = (object.id.namespace.is_empty(), root.at(&["metadata", "namespace"])) {
        Found { list, role: Role::Home }.name(("", "Namespace"), Place::Same, namespace);
    }
    if let Some(pod) = Pod::of(object) {
        files(pod, list);
    }
    match (object.id.group.as_str(), object.id.kind.as_str()) {
        ("networking.k8s.io" | "extensions", "Ingress") => ingress(root, list),
        ("traefik.io" | "traefik.containo.us", "IngressRoute" | "IngressRouteTCP" | "IngressRouteUDP") => {
            ingress_route(object, list);
        }
        (RBAC, "RoleBinding" | "ClusterRoleBinding") => binding(root, list),
        ("apps", "StatefulSet") => {
            if let Some(name) = root.at(&["spec", "serviceName"]) {
                Found { list, role: Role::Identity }.name(("", "Service"), Place::Same, name);
            }
        }
        ("autoscaling", "HorizontalPodAutoscaler") => scale_target(root, "", list),
        ("keda.sh", "ScaledObject") => scale_target(root, "apps/v1", list),
        ("autoscaling.k8s.io", "VerticalPodAutoscaler") => scale_target_at(root, &["spec", "targetRef"], "", list),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration") => {
            for webhook in root.get("webhooks").map(Node::items).unwrap_or_default() {
                webhook_service(webhook.at(&["clientConfig", "service"]), list);
            }
        }
        ("apiregistration.k8s.io", "APIService") => webhook_service(root.at(&["spec", "service"]), list),
        ("route.openshift.io", "Route") => openshift_route(root, list),
        ("argoproj.io", "Rollout" | "Experiment" | "AnalysisTemplate") => analyses(root, list),
        ("kafka.strimzi.io", "KafkaNodePool" | "KafkaTopic" | "KafkaUser" | "KafkaRebalance") => {
            of_strimzi(root, "Kafka", list);
        }
        ("kafka.strimzi.io", "KafkaConnector") => of_strimzi(root, "KafkaConnect", list),
        ("gateway.networking.k8s.io", "Gateway") => {
            let class = ("gateway.networking.k8s.io", "GatewayClass");
            if let Some(name) = root.at(&["spec", "gatewayClassName"]) {
                Found { list, role: Role::Needed }.name(class, Place::Same, name);
            }
        }
        ("monitoring.coreos.com", "ServiceMonitor" | "PodMonitor") => {
            for name in root.at(&["spec", "namespaceSelector", "matchNames"]).map(Node::items).unwrap_or_default() {
                Found { list, role: Role::Needed }.name(("", "Namespace"), Place::Same, name);
            }
        }
        ("", "ServiceAccount") => {
            for item in root.get("secrets").map(Node::items).unwrap_or_default() {
                Found { list, role: Role::Identity }.map(("", "Secret"), item);
            }
        }
        _ => {}
    }
}

/// Keys of ConfigMaps and Secrets that containers mount alone, by `subPath`, from volumes that hold all keys.
fn files<'a>(pod: Pod<'a>, list: &mut Vec<Reference<'a>>) {
    let volumes = pod.spec.get("volumes").map(Node::items).unwrap_or_default();
    let mounts = pod.containers().filter_map(|container| container.node.get("volumeMounts")).flat_map(Node::items);
    for mount in mounts {
        let Some(path) = mount.get("subPath").filter(|path| path.as_text().is_some_and(|path| !path.contains('/')))
        else {
            continue;
        };
        let Some(name) = mount.get("name").and_then(Node::as_text) else { continue };
        let named = |volume: &&Node| volume.str_at(&["name"]) == Some(name);
        let Some(volume) = volumes.iter().find(named) else { continue };
        let (kind, source, key) = match (volume.get("configMap"), volume.get("secret")) {
            (Some(source), None) => ("ConfigMap", source, "name"),
            (None, Some(source)) => ("Secret", source, "secretName"),
            _ => continue,
        };
        if is_optional(source) || source.get("items").is_some() {
            continue;
        }
        if let Some(name) = source.get(key).and_then(name_of) {
            Found { list, role: Role::SubPath }.key(("", kind), Place::Same, name, path);
        }
    }
}

fn ingress<'a>(root: &'a Node, list: &mut Vec<Reference<'a>>) {
    let annotations = root.at(&["metadata", "annotations"]);
    let annotation = |key: &str| annotations.and_then(|map| map.get(key));
    let mut found = Found { list, role: Role::Needed };
    let mut made_by_cert_manager = annotation("kubernetes.io/tls-acme").is_some();
    for (key, kind) in [("cert-manager.io/cluster-issuer", "ClusterIssuer"), ("cert-manager.io/issuer", "Issuer")] {
        let Some(name) = annotation(key) else { continue };
        made_by_cert_manager = true;
        if annotation("cert-manager.io/issuer-group").is_none() {
            found.name(("cert-manager.io", kind), Place::Same, name);
        }
    }
    if !made_by_cert_manager {
        found.role = Role::Certificate;
        for tls in root.at(&["spec", "tls"]).map(Node::items).unwrap_or_default() {
            if let Some(name) = tls.get("secretName") {
                found.name(("", "Secret"), Place::Same, name);
            }
        }
    }
    found.role = Role::Backend;
    let rules = root.at(&["spec", "rules"]).map(Node::items).unwrap_or_default();
    let paths = rules.iter().flat_map(|rule| rule.at(&["http", "paths"]).map(Node::items).unwrap_or_default());
    let backends = paths.filter_map(|path| path.get("backend")).chain(root.at(&["spec", "defaultBackend"]));
    for service in backends.filter_map(|backend| backend.get("service")) {
        // The AWS controller's mark for an action that an annotation describes: there is no Service.
        if service.str_at(&["port", "name"]) == Some("use-annotation") {
            continue;
        }
        let Some(name) = service.get("name").and_then(|name| found.name(("", "Service"), Place::Same, name)) else {
            continue;
        };
        for port in ["number", "name"].iter().filter_map(|key| service.at(&["port", key])) {
            found.port(Place::Same, name, port);
        }
    }
}

fn ingress_route<'a>(object: &'a Object, list: &mut Vec<Reference<'a>>) {
    let spec = |path: &[&str]| object.root.get("spec").and_then(|spec| spec.at(path));
    let mut found = Found { list, role: Role::Backend };
    for route in spec(&["routes"]).map(Node::items).unwrap_or_default() {
        let services = route.get("services").map(Node::items).unwrap_or_default();
        let kind = |service: &Node| service.str_at(&["kind"]).map(str::to_owned);
        // `api@internal` and its like are Traefik's own.
        for service in services.iter().filter(|service| kind(service).is_none_or(|kind| kind == "Service")) {
            found.service(service, Place::Same);
        }
    }
    found.role = Role::Certificate;
    if let Some(name) = spec(&["tls", "secretName"]) {
        found.name(("", "Secret"), Place::Same, name);
    }
    found.role = Role::Needed;
    let routes = spec(&["routes"]).map(Node::items).unwrap_or_default();
    for middleware in routes.iter().flat_map(|route| route.get("middlewares").map(Node::items).unwrap_or_default()) {
        let kind = if object.id.kind == "IngressRouteTCP" { "MiddlewareTCP" } else { "Middleware" };
        if let (Some(namespace), Some(name)) = (place(middleware), middleware.get("name")) {
            found.name((object.id.group.as_str(), kind), namespace, name);
        }
    }
}

/// Source: OpenShift, API reference of Route, and the router's choice of endpoints: of a port given by a name, it takes
/// the endpoints of that name, which is that of the Service's port. A number is a port of the pods, not of the Service.
fn openshift_route<'a>(root: &'a Node, list: &mut Vec<Reference<'a>>) {
    let mut found = Found { list, role: Role::Backend };
    let Some(spec) = root.get("spec") else { return };
    let is_service = |backend: &&Node| backend.get("kind").is_none_or(|kind| kind.as_str() == Some("Service"));
    let others = spec.get("alternateBackends").map(Node::items).unwrap_or_default();
    for name in others.iter().filter(is_service).filter_map(|backend| backend.get("name")) {
        found.name(("", "Service"), Place::Same, name);
    }
    let Some(name) = spec.get("to").filter(is_service).and_then(|backend| backend.get("name")) else { return };
    let Some(name) = found.name(("", "Service"), Place::Same, name) else { return };
    let Some(port) = spec.at(&["port", "targetPort"]) else { return };
    if let Some(text) = name_of(port).filter(|text| text.parse::<i64>().is_err()) {
        found.part(("", "Service"), Place::Same, name, Part::PortName(text), port.span);
    }
}

/// Paths to what names a template of Argo Rollouts for an analysis. Source: its API reference.
const ANALYSES: [&str; 7] = [
    "spec.strategy.canary.analysis.templates[]",
    "spec.strategy.canary.steps[].analysis.templates[]",
    "spec.strategy.canary.steps[].experiment.analyses[]",
    "spec.strategy.blueGreen.prePromotionAnalysis.templates[]",
    "spec.strategy.blueGreen.postPromotionAnalysis.templates[]",
    "spec.analyses[]",
    "spec.templates[]",
];

fn analyses<'a>(root: &'a Node, list: &mut Vec<Reference<'a>>) {
    let mut found = Found { list, role: Role::Needed };
    for analysis in ANALYSES.iter().flat_map(|path| follow(root, path)) {
        let cluster = analysis.get("clusterScope").and_then(Node::as_bool) == Some(true);
        let kind = if cluster { "ClusterAnalysisTemplate" } else { "AnalysisTemplate" };
        if let Some(name) = analysis.get("templateName") {
            found.name(("argoproj.io", kind), Place::Same, name);
        }
    }
}

/// The cluster that a label of Strimzi's resources names.
fn of_strimzi<'a>(root: &'a Node, kind: &'a str, list: &mut Vec<Reference<'a>>) {
    if let Some(name) = root.at(&["metadata", "labels", "strimzi.io/cluster"]) {
        Found { list, role: Role::Needed }.name(("kafka.strimzi.io", kind), Place::Same, name);
    }
}

fn binding<'a>(root: &'a Node, list: &mut Vec<Reference<'a>>) {
    let mut found = Found { list, role: Role::Role };
    if let Some(role) = root.get("roleRef") {
        let kind = role.get("kind").and_then(name_of);
        if let (Some(kind @ ("Role" | "ClusterRole")), Some(name)) = (kind, role.get("name")) {
            found.name((RBAC, kind), Place::Same, name);
        }
    }
    found.role = Role::Subject;
    for subject in root.get("subjects").map(Node::items).unwrap_or_default() {
        let named = subject.str_at(&["kind"]) == Some("ServiceAccount");
        if let (true, Some(namespace @ Place::Namespace(_)), Some(name)) = (named, place(subject), subject.get("name"))
        {
            found.name(("", "ServiceAccount"), namespace, name);
        }
    }
}

fn scale_target<'a>(root: &'a Node, default: &'static str, list: &mut Vec<Reference<'a>>) {
    scale_target_at(root, &["spec", "scaleTargetRef"], default, list);
}

fn scale_target_at<'a>(root: &'a Node, path: &[&str], default: &'static str, list: &mut Vec<Reference<'a>>) {
    let Some(target) = root.at(path) else { return };
    let Some(name) = target.get("name") else { return };
    let version = target.get("apiVersion").map_or(Some(default), name_of).unwrap_or_default();
    let kind = target.get("kind").map_or(Some("Deployment"), name_of).unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    // Only kinds that presync sees made: others come from operators.
    if group == "apps" && matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") {
        Found { list, role: Role::Needed }.name((group, kind), Place::Same, name);
    }
}

fn webhook_service<'a>(service: Option<&'a Node>, list: &mut Vec<Reference<'a>>) {
    let Some(service) = service else { return };
    let (Some(namespace), Some(name)) = (place(service), service.get("name")) else { return };
    let mut found = Found { list, role: Role::Webhook };
    let Some(text) = found.name(("", "Service"), namespace, name) else { return };
    // Without a port, the API server takes 443.
    let (port, span) = match service.get("port") {
        Some(port) => (port.as_i64(), port.span),
        None => (Some(443), name.span),
    };
    if let Some(port) = port {
        found.part(("", "Service"), namespace, text, Part::PortNumber(port), span);
    }
}
