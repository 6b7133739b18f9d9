//! What one object says of another: the names it uses, and the objects that come to be because of it.
//!
//! Pure functions over one object or one set of values. Left out: whether the named object is there (`repository`), and
//! Flux's references to its own sources and Kustomizations, which `gitops` follows.

mod address;
mod datasources;
mod fields;
mod made;
mod parts;
mod pods;
mod shapes;
mod special;

pub use datasources::{datasource_files, of_datasources};
pub(crate) use made::follow;
pub use made::{Made, Spread, made, may_make};
pub use parts::{Ports, keys, listeners, ports};
pub use pods::{MadePods, pods};

use crate::kubernetes::Object;
use crate::source::Span;
use crate::yaml::Node;

/// One object's word about another.
#[derive(Clone, Debug)]
pub struct Reference<'a> {
    /// API group of what is meant; empty for the core group.
    pub group: &'a str,
    /// Kind of what is meant.
    pub kind: &'a str,
    /// Where it is looked for.
    pub namespace: Place<'a>,
    /// Its name.
    pub name: &'a str,
    /// Where the name is written.
    pub span: Span,
    /// A part of it that must be there too. Such a reference comes beside one to the whole.
    pub part: Option<Part<'a>>,
    /// What the object does with it.
    pub role: Role,
}

/// Where a named object is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place<'a> {
    /// In the namespace of the object that names it; nowhere in particular if it is cluster-scoped.
    Same,
    /// In this namespace.
    Namespace(&'a str),
}

/// A part of an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part<'a> {
    /// A key of a Secret or ConfigMap.
    Key(&'a str),
    /// A Service's port by number.
    PortNumber(i64),
    /// A Service's port by name.
    PortName(&'a str),
    /// A Gateway's listener.
    Listener(&'a str),
    /// A template of a WorkflowTemplate.
    Template(&'a str),
}

/// What a referring object does with what it names; decides what comes of a miss.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// The environment of a container.
    Environment,
    /// A volume of a pod.
    Volume,
    /// One file of a volume.
    SubPath,
    /// Credentials for pulling images.
    ImagePull,
    /// The identity of a pod.
    Identity,
    /// A certificate to serve.
    Certificate,
    /// Where requests are sent to.
    Backend,
    /// A webhook that the API server calls.
    Webhook,
    /// Something that Kubernetes or an operator needs before it does what the object asks for.
    Needed,
    /// A binding's role.
    Role,
    /// A binding's subject.
    Subject,
    /// A value given to a chart, which may or may not use it.
    ChartValue,
    /// The address of something, such as a URL.
    Address,
    /// The address of one of Grafana's datasources, by a name without the cluster's domain. It is asked from where Grafana
    /// runs, which is not always where the address stands.
    Datasource,
    /// Where an object itself is to be.
    Home,
}

/// Every reference in an object. Names that a template or a substitution will still change are left out, and so are
/// those marked optional.
pub fn of(object: &Object) -> Vec<Reference<'_>> {
    if !speaks_of_this_cluster(object) {
        return Vec::new();
    }
    let mut found = Vec::new();
    special::collect(object, &mut found);
    fields::collect(object, &mut found);
    shapes::collect(&object.root, shapes::Kind::of(object), &mut found);
    found
}

/// References in a chart's values, as far as their shape shows them to be such.
pub fn of_values(values: &Node) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    shapes::collect(values, shapes::Kind::Values, &mut found);
    found
}

/// Whether the object's content is about its own cluster: policies, definitions and templates of objects are patterns,
/// and Argo CD's and Flux's declarations hold the values of charts, which are looked at as releases.
fn speaks_of_this_cluster(object: &Object) -> bool {
    let id = &object.id;
    let flux = id.group.ends_with("fluxcd.io");
    let pattern = matches!(
        id.group.as_str(),
        "kyverno.io"
            | "policies.kyverno.io"
            | "templates.gatekeeper.sh"
            | "constraints.gatekeeper.sh"
            | "mutations.gatekeeper.sh"
            | "apiextensions.crossplane.io"
            | "kro.run"
            | "template.openshift.io"
            | "policy.open-cluster-management.io"
            | "work.open-cluster-management.io"
            | "kustomize.config.k8s.io"
            | "builtin"
    );
    let declaration = id.group == "argoproj.io" && matches!(&*id.kind, "Application" | "ApplicationSet" | "AppProject");
    let definition = id.is("apiextensions.k8s.io", "CustomResourceDefinition") || id.is("", "Template");
    !flux && !pattern && !declaration && !definition
}

/// The name that a scalar gives, if it is one already: not empty, and without marks of a template or a substitution.
fn name_of(node: &Node) -> Option<&str> {
    node.as_text().filter(|text| is_settled(text))
}

/// Whether a text could be the name of an object as it stands.
pub(crate) fn is_settled(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':' | b'_' | b'/');
    !text.is_empty() && text.len() <= 253 && text.bytes().all(allowed)
}

/// Collects references of one role with the fields that most of them share.
struct Found<'a, 'f> {
    list: &'f mut Vec<Reference<'a>>,
    role: Role,
}

impl<'a> Found<'a, '_> {
    /// A reference by a name alone.
    fn name(&mut self, (group, kind): (&'a str, &'a str), namespace: Place<'a>, name: &'a Node) -> Option<&'a str> {
        let text = name_of(name)?;
        let role = self.role;
        self.list.push(Reference { group, kind, namespace, name: text, span: name.span, part: None, role });
        Some(text)
    }

    /// A reference by a name that is known to be one.
    fn settled(&mut self, (group, kind): (&'a str, &'a str), namespace: Place<'a>, name: &'a str, span: Span) {
        let role = self.role;
        self.list.push(Reference { group, kind, namespace, name, span, part: None, role });
    }

    /// The object under `map.name`, in the namespace under `map.namespace` if there is one, and its key under
    /// `map.key`. Nothing if the map says that it is optional.
    fn map(&mut self, target: (&'a str, &'a str), map: &'a Node) -> Option<()> {
        if is_optional(map) {
            return None;
        }
        let namespace = place(map)?;
        let name = self.name(target, namespace, map.get("name")?)?;
        if let Some(key) = map.get("key") {
            self.key(target, namespace, name, key);
        }
        Some(())
    }

    /// A key of a named Secret or ConfigMap.
    fn key(&mut self, target: (&'a str, &'a str), namespace: Place<'a>, name: &'a str, key: &'a Node) {
        if let Some(text) = name_of(key) {
            self.part(target, namespace, name, Part::Key(text), key.span);
        }
    }

    /// A part of a named object.
    fn part(&mut self, target: (&'a str, &'a str), namespace: Place<'a>, name: &'a str, part: Part<'a>, span: Span) {
        let (group, kind) = target;
        self.list.push(Reference { group, kind, namespace, name, span, part: Some(part), role: self.role });
    }

    /// A Service as `{name, namespace, port}` with a number or a name for the port.
    fn service(&mut self, map: &'a Node, default: Place<'a>) -> Option<()> {
        let namespace = if map.get("namespace").is_some() { place(map)? } else { default };
        let name = self.name(("", "Service"), namespace, map.get("name")?)?;
        if let Some(port) = map.get("port") {
            self.port(namespace, name, port);
        }
        Some(())
    }

    /// A port of a Service, written as a number or a name.
    fn port(&mut self, namespace: Place<'a>, service: &'a str, port: &'a Node) {
        let part = match (port.as_i64(), name_of(port)) {
            (Some(number), _) => Part::PortNumber(number),
            (None, Some(name)) => name.parse().map_or(Part::PortName(name), Part::PortNumber),
            (None, None) => return,
        };
        self.part(("", "Service"), namespace, service, part, port.span);
    }
}

/// The namespace that a map names; `None` if it names one that is not known yet.
fn place(map: &Node) -> Option<Place<'_>> {
    match map.get("namespace") {
        Some(node) if !node.is_null() => name_of(node).map(Place::Namespace),
        _ => Some(Place::Same),
    }
}

fn is_optional(map: &Node) -> bool {
    map.get("optional").and_then(Node::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn references(text: &str) -> Vec<String> {
        let stream = crate::yaml::parse(FileId(0), text.as_bytes());
        let root = stream.documents.into_iter().next().and_then(|document| document.root).expect("a document");
        let object = Object::new(root).expect("an object");
        let describe = |reference: Reference<'_>| {
            let place = match reference.namespace {
                Place::Same => "",
                Place::Namespace(namespace) => namespace,
            };
            let part = reference.part.map(|part| format!(" {part:?}")).unwrap_or_default();
            format!("{} {place}/{}{part}", reference.kind, reference.name)
        };
        of(&object).into_iter().map(describe).collect()
    }

    #[test]
    fn pods_name_what_they_need() {
        let found = references(
            "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\nspec: {jobTemplate: {spec: {template: {spec: {\n\
             serviceAccountName: sa, priorityClassName: high, imagePullSecrets: [{name: pull}],\n\
             containers: [{env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}},\n\
             {name: B, valueFrom: {configMapKeyRef: {name: c, key: k, optional: true}}},\n\
             {name: C, valueFrom: {secretKeyRef: {name: '${X}', key: k}}}],\n\
             envFrom: [{configMapRef: {name: all}}]}],\n\
             volumes: [{name: v, secret: {secretName: t, items: [{key: i, path: p}]}}, {configMap: {name: m}},\n\
             {persistentVolumeClaim: {claimName: pvc}},\n\
             {projected: {sources: [{secret: {name: p1}}, {configMap: {name: p2, items: [{key: y}]}}]}}]}}}}}\n",
        );
        assert_eq!(
            found,
            [
                "ServiceAccount /sa",
                "PriorityClass /high",
                "Secret /pull",
                "Secret /s",
                "Secret /s Key(\"k\")",
                "ConfigMap /all",
                "Secret /t",
                "Secret /t Key(\"i\")",
                "ConfigMap /m",
                "PersistentVolumeClaim /pvc",
                "Secret /p1",
                "ConfigMap /p2",
                "ConfigMap /p2 Key(\"y\")",
            ]
        );
    }

    #[test]
    fn routes_name_gateways_and_services() {
        let found = references(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: a}\nspec:\n  parentRefs: [{name: \
             g, namespace: net, sectionName: https}, {name: s, kind: Service, group: ''}]\n  rules: [{backendRefs: \
             [{name: web, port: 80}, {name: other, namespace: shop, port: 81}, {kind: Backend, group: x, name: y}]}]\n",
        );
        assert_eq!(
            found,
            [
                "Gateway net/g",
                "Gateway net/g Listener(\"https\")",
                "Service /s",
                "Service /web",
                "Service /web PortNumber(80)",
                "Service shop/other",
                "Service shop/other PortNumber(81)",
            ]
        );
    }

    #[test]
    fn other_kinds_name_things_in_their_own_ways() {
        let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {annotations: \
                       {cert-manager.io/cluster-issuer: le}}\nspec: {ingressClassName: nginx, tls: [{secretName: made}], \
                       rules: [{http: {paths: [{backend: {service: {name: web, port: {name: http}}}}]}}]}\n";
        assert_eq!(
            references(ingress),
            ["ClusterIssuer /le", "Service /web", "Service /web PortName(\"http\")", "IngressClass /nginx"]
        );
        let binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nroleRef: {kind: Role, name: \
                       r}\nsubjects: [{kind: ServiceAccount, name: s, namespace: n}, {kind: User, name: u}]\n";
        assert_eq!(references(binding), ["Role /r", "ServiceAccount n/s"]);
        let certificate = "apiVersion: cert-manager.io/v1\nkind: Certificate\nspec: {secretName: tls, issuerRef: {name: \
                           i, kind: ClusterIssuer}}\n";
        assert_eq!(references(certificate), ["ClusterIssuer /i"]);
        let workflow = "apiVersion: argoproj.io/v1alpha1\nkind: CronWorkflow\nspec: {workflowSpec: {serviceAccountName: \
                        w, templates: [{steps: [[{templateRef: {name: t, template: run, clusterScope: true}}]]}]}}\n";
        assert_eq!(
            references(workflow),
            ["ServiceAccount /w", "ClusterWorkflowTemplate /t", "ClusterWorkflowTemplate /t Template(\"run\")"]
        );
        let monitor = "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nspec: {endpoints: [{basicAuth: \
                       {username: {name: s, key: u}}}]}\n";
        assert_eq!(references(monitor), ["Secret /s", "Secret /s Key(\"u\")"]);
    }
}
