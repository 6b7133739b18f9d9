//! References that show themselves by their shape, wherever they stand: a `secretKeyRef` is one in a Deployment, in a
//! workflow's template, in an operator's resource and in the values of a chart.

use super::address;
use super::{Found, Place, Reference, Role, is_optional, name_of, place};
use crate::kubernetes::{Object, is_cluster_scoped};
use crate::yaml::{Entry, Node, Value};

/// Deepest nesting that is looked into. Real objects stay below thirty.
const DEEPEST: usize = 100;

const SECRET: (&str, &str) = ("", "Secret");
const CONFIG_MAP: (&str, &str) = ("", "ConfigMap");
const SERVICE_ACCOUNT: (&str, &str) = ("", "ServiceAccount");
const CLAIM: (&str, &str) = ("", "PersistentVolumeClaim");
const STORAGE_CLASS: (&str, &str) = ("storage.k8s.io", "StorageClass");
const PRIORITY_CLASS: (&str, &str) = ("scheduling.k8s.io", "PriorityClass");
const RUNTIME_CLASS: (&str, &str) = ("node.k8s.io", "RuntimeClass");
const INGRESS_CLASS: (&str, &str) = ("networking.k8s.io", "IngressClass");

/// What kind of tree is walked; some shapes mean something in one only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An object.
    Object,
    /// An object that offers storage: its class is a label to match, nothing that must exist.
    Volume,
    /// An object without a namespace: what it names without one lies where only its controller knows.
    Cluster,
    /// A chart's values.
    Values,
}

impl Kind {
    pub(super) fn of(object: &Object) -> Self {
        let id = &object.id;
        if id.is("", "PersistentVolume") {
            Self::Volume
        } else if is_cluster_scoped(&id.group, &id.kind) {
            Self::Cluster
        } else {
            Self::Object
        }
    }
}

/// Collects what the tree names.
pub(super) fn collect<'a>(root: &'a Node, kind: Kind, list: &mut Vec<Reference<'a>>) {
    let start = list.len();
    let mut walk = Walk { kind, list };
    walk.node(root, At { key: "", list: "", depth: 0 });
    if kind == Kind::Values {
        let named = list.iter_mut().skip(start).filter(|reference| !is_address(reference.role));
        named.for_each(|reference| reference.role = Role::ChartValue);
    }
}

/// What a key of a Secret or ConfigMap is for, by the list that it is named in: elsewhere than in an environment, it is
/// not a container that reads it but an operator.
fn role_of_key(list: &str) -> Role {
    if list.to_ascii_lowercase().contains("env") { Role::Environment } else { Role::Needed }
}

struct Walk<'a, 'f> {
    kind: Kind,
    list: &'f mut Vec<Reference<'a>>,
}

/// Where the walk stands.
#[derive(Clone, Copy)]
struct At<'a> {
    /// Key of the map or list.
    key: &'a str,
    /// Key of the nearest list around.
    list: &'a str,
    depth: usize,
}

impl<'a> Walk<'a, '_> {
    fn node(&mut self, node: &'a Node, at: At<'a>) {
        if at.depth > DEEPEST {
            return;
        }
        let depth = at.depth + 1;
        for item in node.items() {
            self.node(item, At { key: at.key, list: at.key, depth });
        }
        // Values of a part of a chart that is switched off are read by nothing.
        let off = |key: &str| node.get(key).and_then(Node::as_bool) == Some(false);
        if self.kind == Kind::Values && off("enabled") {
            return;
        }
        // A whole manifest within an object is meant for somebody else.
        if at.depth > 0 && node.get("apiVersion").is_some() && node.get("metadata").is_some() {
            return;
        }
        if let Value::Scalar(text) = &node.value {
            address(node, text, self.list);
        }
        for entry in node.entries() {
            if at.depth == 0 && entry.key.text == "status" {
                continue;
            }
            self.entry(entry, node, at);
            self.node(&entry.value, At { key: &entry.key.text, list: at.list, depth });
        }
    }

    fn entry(&mut self, entry: &'a Entry, map: &'a Node, at: At<'a>) {
        let value = &entry.value;
        match entry.key.text.as_str() {
            "secretKeyRef" => self.local(role_of_key(at.list), SECRET, value),
            "configMapKeyRef" => self.local(role_of_key(at.list), CONFIG_MAP, value),
            "secretRef" if at.list == "envFrom" => self.local(Role::Environment, SECRET, value),
            "configMapRef" if at.list == "envFrom" => self.local(Role::Environment, CONFIG_MAP, value),
            "secret" if at.list == "sources" || is_volumes(at.list) => self.volume(SECRET, value),
            "configMap" if at.list == "sources" || is_volumes(at.list) => self.volume(CONFIG_MAP, value),
            // Elsewhere, an operator makes the claim that it is told the name of.
            "persistentVolumeClaim" if is_volumes(at.list) => {
                self.scalar(Role::Volume, CLAIM, value.get("claimName"));
            }
            "nodePublishSecretRef" => self.local(Role::Volume, SECRET, value),
            "imagePullSecrets" => {
                for item in value.items() {
                    self.local(Role::ImagePull, SECRET, item);
                }
            }
            "serviceAccountName" => self.scalar(Role::Identity, SERVICE_ACCOUNT, Some(value)),
            "storageClassName" if is_claim(map) => self.cluster(Role::Volume, STORAGE_CLASS, value),
            "storageClass" if map.get("size").is_some() || is_claim(map) => {
                self.cluster(Role::Volume, STORAGE_CLASS, value);
            }
            "priorityClassName" => self.cluster(Role::Identity, PRIORITY_CLASS, value),
            "runtimeClassName" => self.cluster(Role::Identity, RUNTIME_CLASS, value),
            "ingressClassName" => self.cluster(Role::Needed, INGRESS_CLASS, value),
            "issuerRef" => self.issuer(value),
            "storeRef" | "secretStoreRef" => self.store(value),
            "secretStoreRefs" => value.items().iter().for_each(|item| self.store(item)),
            "parentRefs" => value.items().iter().for_each(|item| self.parent(item)),
            "backendRefs" => value.items().iter().for_each(|item| self.backend(item)),
            "certificateRefs" => {
                for item in value.items().iter().filter(|item| is_kind(item, "", "Secret")) {
                    self.local(Role::Certificate, SECRET, item);
                }
            }
            "templateRef" if value.get("template").is_some() => self.template(value),
            "workflowTemplateRef" => self.template(value),
            "datasources" | "additionalDataSources" if self.kind == Kind::Values => {
                value.items().iter().for_each(|item| super::datasources::of_value(item, self.list));
            }
            "existingClaim" if self.kind == Kind::Values => self.scalar(Role::Volume, CLAIM, Some(value)),
            "existingSecret" | "existingSecretName" if self.kind == Kind::Values => {
                self.scalar(Role::Needed, SECRET, Some(value));
            }
            // `apiTokenSecretRef` and its like. An ACME account's key is written by cert-manager, not read;
            // where `generate` stands, the operator makes the Secret.
            key if (key.ends_with("SecretRef") || key.ends_with("SecretKeyRef"))
                && key != "privateKeySecretRef"
                && value.get("key").is_some()
                && value.get("generate").is_none() =>
            {
                self.local(Role::Needed, SECRET, value);
            }
            _ => {}
        }
    }

    fn found(&mut self, role: Role) -> Found<'a, '_> {
        Found { list: self.list, role }
    }

    /// An object of a namespace, given by a map with its name.
    fn local(&mut self, role: Role, target: (&'a str, &'a str), map: &'a Node) {
        if self.kind != Kind::Cluster || map.get("namespace").is_some() {
            self.found(role).map(target, map);
        }
    }

    /// An object of a namespace, given by its name.
    fn scalar(&mut self, role: Role, target: (&'a str, &'a str), name: Option<&'a Node>) {
        if let (Some(name), true) = (name, self.kind != Kind::Cluster) {
            self.found(role).name(target, Place::Same, name);
        }
    }

    /// A cluster-scoped object, given by its name.
    fn cluster(&mut self, role: Role, target: (&'a str, &'a str), name: &'a Node) {
        // Loki's and other charts' `-` stands for the empty class.
        if self.kind != Kind::Volume && name.as_str() != Some("-") {
            self.found(role).name(target, Place::Same, name);
        }
    }

    fn volume(&mut self, target: (&'a str, &'a str), map: &'a Node) {
        let named = if target == SECRET { map.get("secretName").or_else(|| map.get("name")) } else { map.get("name") };
        if is_optional(map) || self.kind == Kind::Cluster {
            return;
        }
        let mut found = self.found(Role::Volume);
        let Some(name) = named.and_then(|name| found.name(target, Place::Same, name)) else { return };
        for key in map.get("items").map(Node::items).unwrap_or_default().iter().filter_map(|item| item.get("key")) {
            found.key(target, Place::Same, name, key);
        }
    }

    fn issuer(&mut self, map: &'a Node) {
        // Other groups bring issuers of their own, such as AWS PCA's.
        if map.str_at(&["group"]).is_some_and(|group| group != "cert-manager.io") {
            return;
        }
        let kind = map.get("kind").map_or(Some("Issuer"), name_of);
        if let (Some(kind @ ("Issuer" | "ClusterIssuer")), Some(name)) = (kind, map.get("name")) {
            self.found(Role::Needed).name(("cert-manager.io", kind), Place::Same, name);
        }
    }

    fn store(&mut self, map: &'a Node) {
        let kind = map.get("kind").map_or(Some("SecretStore"), name_of);
        let (Some(kind @ ("SecretStore" | "ClusterSecretStore")), Some(name)) = (kind, map.get("name")) else { return };
        if kind == "ClusterSecretStore" || self.kind != Kind::Cluster {
            self.found(Role::Needed).name(("external-secrets.io", kind), Place::Same, name);
        }
    }

    fn parent(&mut self, map: &'a Node) {
        let Some(namespace) = place(map) else { return };
        if is_kind(map, "", "Service") && map.get("kind").is_some() {
            self.found(Role::Needed).service(map, Place::Same);
        } else if is_kind(map, "gateway.networking.k8s.io", "Gateway") {
            let gateway = ("gateway.networking.k8s.io", "Gateway");
            let mut found = self.found(Role::Needed);
            let Some(name) = map.get("name").and_then(|name| found.name(gateway, namespace, name)) else { return };
            if let Some((section, text)) = map.get("sectionName").and_then(|node| Some((node, name_of(node)?))) {
                found.part(gateway, namespace, name, super::Part::Listener(text), section.span);
            }
        }
    }

    fn backend(&mut self, map: &'a Node) {
        if is_kind(map, "", "Service") {
            self.found(Role::Backend).service(map, Place::Same);
        }
    }

    fn template(&mut self, map: &'a Node) {
        let cluster = map.get("clusterScope").and_then(Node::as_bool) == Some(true);
        let target = ("argoproj.io", if cluster { "ClusterWorkflowTemplate" } else { "WorkflowTemplate" });
        let mut found = self.found(Role::Needed);
        let Some(name) = map.get("name").and_then(|name| found.name(target, Place::Same, name)) else { return };
        if let Some((template, text)) = map.get("template").and_then(|node| Some((node, name_of(node)?))) {
            found.part(target, Place::Same, name, super::Part::Template(text), template.span);
        }
    }
}

/// A Service in the address of something, such as `http://web.shop.svc:8080/`. Longer texts hold addresses too, but
/// are read by programs whose syntax is not known here.
pub(super) fn address<'a>(node: &'a Node, text: &'a str, list: &mut Vec<Reference<'a>>) {
    let mut found = Found { list, role: Role::Address };
    let Some(address) = address::in_text(text) else { return };
    let place = Place::Namespace(address.namespace);
    found.settled(("", "Service"), place, address.service, node.span);
    if let Some(port) = address.port {
        found.part(("", "Service"), place, address.service, super::Part::PortNumber(port), node.span);
    }
    found.settled(("", "Namespace"), Place::Same, address.namespace, node.span);
}

/// Whether a reference means this kind, which is the default for both of its fields.
fn is_kind(map: &Node, group: &str, kind: &str) -> bool {
    map.get("kind").is_none_or(|node| node.as_str() == Some(kind))
        && map.get("group").is_none_or(|node| node.as_str() == Some(group))
}

fn is_address(role: Role) -> bool {
    matches!(role, Role::Address | Role::Datasource)
}

/// Whether a list holds volumes: `volumes`, and `extraVolumes` of charts.
fn is_volumes(list: &str) -> bool {
    list.ends_with("olumes")
}

/// Whether a map asks for storage.
fn is_claim(map: &Node) -> bool {
    ["accessModes", "accessMode", "resources", "size"].iter().any(|key| map.get(key).is_some())
}
