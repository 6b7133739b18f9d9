//! Claims for volumes, and the pods that mount them: StatefulSets, workloads with a PersistentVolumeClaim of the same app,
//! and the custom resources whose operator makes both.
//!
//! Left out: claims that charts make, as long as they are not rendered, and ephemeral volumes, which hold nothing of worth.

use foldhash::{HashMap, HashMapExt};

use crate::kubernetes::{Object, Pod};
use crate::repository::{BuiltApp, Repository};
use crate::source::Span;
use crate::yaml::Node;

/// A claim and who mounts it.
#[derive(Clone, Copy)]
pub(crate) struct Claim<'a> {
    /// What a PersistentVolumeClaim has as `spec`; for a custom resource, the map that stands for it.
    pub(crate) spec: &'a Node,
    /// The name of the StorageClass, if one is written.
    pub(crate) class: Option<&'a Node>,
    /// Where the claim is written.
    pub(crate) place: Span,
    /// The size, if it is written.
    pub(crate) size: Option<&'a Node>,
    /// Where the pods name it, or where it is written in their object.
    pub(crate) mounted: Span,
    /// The object whose pods mount it.
    pub(crate) consumer: &'a Object,
    /// What says where those pods run: the map with `nodeSelector` and `affinity`.
    pub(crate) scheduling: &'a Node,
    /// The pod spec, if the object holds one.
    pub(crate) pod: Option<&'a Node>,
}

impl<'a> Claim<'a> {
    /// Every claim of an app that something in the app mounts.
    pub(crate) fn of(app: &'a BuiltApp) -> Vec<Self> {
        let mut claims = Vec::new();
        let mut objects: HashMap<(&str, &str), &Object> = HashMap::new();
        for object in app.objects.iter().filter(|object| object.id.is("", "PersistentVolumeClaim")) {
            objects.insert((app.namespace_of(object), object.id.name.as_str()), object);
        }
        for consumer in &app.objects {
            claims.extend(Self::of_operator(consumer));
            let Some(pod) = Pod::of(consumer) else { continue };
            for volume in pod.spec.get("volumes").map(Node::items).unwrap_or_default() {
                let Some(name) = volume.at(&["persistentVolumeClaim", "claimName"]) else { continue };
                let object = name.as_text().and_then(|name| objects.get(&(app.namespace_of(consumer), name)));
                let Some((object, spec)) = object.and_then(|object| Some((object, object.root.get("spec")?))) else {
                    continue;
                };
                let claim = Self::new(spec, object.name_span(), consumer, pod.spec, Some(pod.spec));
                claims.push(Self { mounted: name.span, ..claim });
            }
            let templates = consumer.root.at(&["spec", "volumeClaimTemplates"]).map(Node::items).unwrap_or_default();
            for template in templates.iter().filter(|_| consumer.id.kind == "StatefulSet") {
                let Some(spec) = template.get("spec").filter(|spec| spec.as_mapping().is_some()) else { continue };
                let place = template.at(&["metadata", "name"]).map_or(template.span, |name| name.span);
                claims.push(Self::new(spec, place, consumer, pod.spec, Some(pod.spec)));
            }
        }
        claims
    }

    /// The claims that an operator makes for a custom resource.
    fn of_operator(object: &'a Object) -> Vec<Self> {
        let Some(spec) = object.root.get("spec") else { return Vec::new() };
        match (object.id.group.as_str(), object.id.kind.as_str()) {
            ("monitoring.coreos.com", "Prometheus" | "Alertmanager" | "ThanosRuler") => {
                let claim = spec.at(&["storage", "volumeClaimTemplate", "spec"]);
                claim.map(|claim| Self::new(claim, claim.span, object, spec, None)).into_iter().collect()
            }
            ("postgresql.cnpg.io", "Cluster") => {
                let storages = ["storage", "walStorage"].into_iter().filter_map(|key| spec.get(key));
                storages
                    .map(|storage| Self {
                        spec: storage,
                        class: storage.get("storageClass"),
                        place: storage.span,
                        mounted: storage.span,
                        size: storage.get("size"),
                        consumer: object,
                        scheduling: spec.get("affinity").unwrap_or(spec),
                        pod: None,
                    })
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn new(spec: &'a Node, place: Span, consumer: &'a Object, scheduling: &'a Node, pod: Option<&'a Node>) -> Self {
        let size = spec.at(&["resources", "requests", "storage"]);
        Self { spec, class: spec.get("storageClassName"), place, mounted: place, size, consumer, scheduling, pod }
    }

    /// Whether the claim asks for this access mode.
    pub(crate) fn has_mode(&self, mode: &str) -> bool {
        let modes = self.spec.get("accessModes").map(Node::items).unwrap_or_default();
        modes.iter().any(|known| known.as_str() == Some(mode))
    }

    /// Whether all pods of the object name this one claim, rather than each one of its own.
    pub(crate) fn is_of_all_pods(&self) -> bool {
        self.mounted != self.place
    }

    /// How many pods there are, if that is written; the default is one.
    pub(crate) fn replicas(&self) -> Option<i64> {
        let spec = self.consumer.root.get("spec")?;
        match spec.get("replicas").or_else(|| spec.get("instances")).filter(|count| !count.is_null()) {
            Some(count) => count.as_i64(),
            None => Some(1),
        }
    }
}

/// Provisioners whose volumes are never attached to a node: the network's file systems, and directories of the node that
/// the pod is then bound to.
const UNATTACHED: [&str; 12] = [
    "kubernetes.io/no-provisioner",
    "rancher.io/local-path",
    "topolvm.io",
    "topolvm.cybozu.com",
    "openebs.io/local",
    "zfs.csi.openebs.io",
    "file.csi.azure.com",
    "kubernetes.io/azure-file",
    "csi.juicefs.com",
    "hostpath.csi.k8s.io",
    "seaweedfs-csi-driver",
    "ru.yandex.s3.csi",
];

/// Words that say the same in the name of a class or a provisioner.
const UNATTACHED_WORDS: [&str; 11] =
    ["nfs", "efs", "cephfs", "azurefile", "juicefs", "smb", "cifs", "glusterfs", "filestore", "hostpath", "local"];

impl Claim<'_> {
    /// The provisioners of the claim's class, as far as the repository defines it.
    pub(crate) fn provisioners<'r>(&self, repository: &'r Repository) -> impl Iterator<Item = &'r str> {
        let name = self.class.and_then(Node::as_str);
        repository
            .objects_of("storage.k8s.io", "StorageClass")
            .filter(move |(_, class)| name == Some(class.id.name.as_str()))
            .filter_map(|(_, class)| class.root.str_at(&["provisioner"]))
    }

    /// Whether the volume is one that no node attaches, as far as the class or its name tells.
    pub(crate) fn is_never_attached(&self, repository: &Repository) -> bool {
        let Some(name) = self.class.and_then(Node::as_str) else { return false };
        let says_so = |text: &str| {
            let text = text.to_ascii_lowercase();
            let mut words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
            UNATTACHED.contains(&text.as_str()) || words.any(|word| UNATTACHED_WORDS.contains(&word))
        };
        says_so(name) || name.contains("topolvm") || self.provisioners(repository).any(says_so)
    }
}

/// How a pod is tied to nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tie {
    /// Nothing ties it to a node.
    None,
    /// It may run on this many nodes, named by their host names.
    Hosts(usize),
    /// It is tied by something else, and how many nodes that leaves is not known.
    Unknown,
}

/// The label with a node's name.
pub(crate) const HOSTNAME: &str = "kubernetes.io/hostname";

/// How the map with `nodeSelector` and `affinity` (or `nodeAffinity`) of a pod ties it to nodes.
pub(crate) fn tie(scheduling: &Node) -> Tie {
    let named = scheduling.get("nodeName").is_some_and(|name| !name.is_null());
    let selector = scheduling.get("nodeSelector").filter(|selector| !selector.is_null());
    let affinity = scheduling.at(&["affinity", "nodeAffinity"]).or_else(|| scheduling.get("nodeAffinity"));
    let required = affinity.and_then(|affinity| affinity.get("requiredDuringSchedulingIgnoredDuringExecution"));
    if named || selector.is_some_and(|selector| selector.get(HOSTNAME).is_some()) {
        return Tie::Hosts(1);
    }
    // The system and the architecture are the same on most nodes.
    let says_little = |label: &str| matches!(label, "kubernetes.io/os" | "kubernetes.io/arch");
    if selector.is_some_and(|selector| {
        selector.as_mapping().is_none() || !selector.entries().iter().all(|entry| says_little(&entry.key.text))
    }) {
        return Tie::Unknown;
    }
    let Some(required) = required.filter(|required| !required.is_null()) else {
        let text = scheduling.get("affinity").is_some_and(|affinity| affinity.as_text().is_some());
        return if text || scheduling.is_unknown() { Tie::Unknown } else { Tie::None };
    };
    let mut hosts = 0;
    let terms = required.get("nodeSelectorTerms").map(Node::items).unwrap_or_default();
    for term in terms {
        let expressions = ["matchExpressions", "matchFields"].into_iter().filter_map(|key| term.get(key));
        let by_host = expressions.flat_map(Node::items).find(|expression| {
            matches!(expression.str_at(&["key"]), Some(HOSTNAME | "metadata.name"))
                && expression.str_at(&["operator"]) == Some("In")
        });
        match by_host.and_then(|expression| expression.get("values")).and_then(Node::as_sequence) {
            Some(values) => hosts += values.len(),
            None => return Tie::Unknown,
        }
    }
    if hosts == 0 { Tie::Unknown } else { Tie::Hosts(hosts) }
}
