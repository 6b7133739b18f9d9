//! See `rules/persistentvolumeclaim/persistentvolumeclaim-not-shareable.md`.

use std::ptr;

use crate::finding::Severity;
use crate::kubernetes::{Distribution, Object, Pod};
use crate::repository::{BuiltApp, Repository};
use crate::rules::claims::{self, Claim, HOSTNAME, Tie};
use crate::rules::pod::anti_affinity_exceeds_nodes::required;
use crate::rules::{Check, Findings, nodes};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::App(check);

/// More claims than this of one app are not compared with each other.
const MOST: usize = 1000;

fn check<'a>(app: &'a BuiltApp, repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut claims = Claim::of(app);
    claims
        .retain(|claim| claim.is_of_all_pods() && !claim.has_mode("ReadWriteMany") && !claim.has_mode("ReadOnlyMany"));
    claims.truncate(MOST);
    let mut told: Option<*const Object> = None;
    for claim in &claims {
        findings.about(Some(app), Some(claim.consumer));
        // The claims of one object follow each other; more of them are no more mistakes.
        if told != Some(ptr::from_ref(claim.consumer))
            && let Some(pods) = of_pods(claim, app, repository)
        {
            told = Some(ptr::from_ref(claim.consumer));
            report_pods(claim, &pods, repository, findings);
        }
    }
    claims.sort_by_key(|claim| claim.place);
    for pair in claims.windows(2) {
        if let [one, other] = pair {
            findings.about(Some(app), Some(other.consumer));
            of_two(one, other, findings);
        }
    }
}

/// How many pods an object has.
pub(in crate::rules) struct Pods {
    /// At least.
    least: i64,
    /// At most.
    most: i64,
    /// Where the number is written.
    place: Span,
}

/// The pods of a workload that can't all have the claim that all of them name.
pub(in crate::rules) fn of_pods(claim: &Claim<'_>, app: &BuiltApp, repository: &Repository) -> Option<Pods> {
    if !claim.is_of_all_pods() || !is_workload(claim.consumer) {
        return None;
    }
    let pods = count(claim.consumer, app).filter(|pods| pods.most > 1)?;
    let alone = claim.has_mode("ReadWriteOncePod");
    let shared = claim.has_mode("ReadWriteMany") || claim.has_mode("ReadOnlyMany");
    if shared || !alone && !claim.has_mode("ReadWriteOnce") {
        return None;
    }
    (alone || !may_share_node(claim, repository)).then_some(pods)
}

/// Whether all pods may well be on one node, or the volume is one that no node attaches.
fn may_share_node(claim: &Claim<'_>, repository: &Repository) -> bool {
    let text = |key: &str| claim.spec.str_at(&[key]);
    // A volume that somebody made by hand may be of any kind.
    let by_hand =
        text("volumeName").is_some() || text("storageClassName") == Some("") || claim.spec.get("selector").is_some();
    // The default class of k3s makes directories of a node, where the pods then all go.
    let local_by_default = claim.class.is_none() && repository.distributions.contains(&Distribution::K3s);
    let labels = labels(claim.consumer);
    let together = claim.scheduling.at(&["affinity", "podAffinity"]).and_then(|rules| required(rules, labels));
    let hosts = nodes::all(repository);
    let one_node = !hosts.is_empty() && hosts.iter().filter(|host| !host.tainted).count() < 2;
    by_hand
        || local_by_default
        || together.is_some()
        || one_node
        || matches!(claims::tie(claim.scheduling), Tie::Hosts(1) | Tie::Unknown)
        || claim.is_never_attached(repository)
}

fn report_pods(claim: &Claim<'_>, pods: &Pods, repository: &Repository, findings: &mut Findings<'_>) {
    let object = &claim.consumer.id;
    let alone = claim.has_mode("ReadWriteOncePod");
    let who = match pods.least {
        2.. => format!("{object} has {} pods", pods.least),
        _ => format!("{object} may be given {} pods", pods.most),
    };
    let effect = match alone {
        true => {
            "but they all name one claim that admits one pod only: every other pod stays Pending, \"node has pod using \
             PersistentVolumeClaim with the same name and ReadWriteOncePod access mode\""
        }
        false => {
            "but they all name one volume that one node at a time can attach: a pod on any other node stays in \
             ContainerCreating, \"Multi-Attach error\", and those on one node write to the same files"
        }
    };
    let certain = pods.least > 1 && (alone || is_block_device(claim, repository));
    let finding = findings.report(pods.place, format!("{who}, {effect}"));
    if certain {
        finding.severity(Severity::Error);
    }
    let modes = claim.spec.get("accessModes").map_or(claim.place, |modes| modes.span);
    finding.related(claim.mounted, "all pods name this claim").related(modes, "and this is how often it can be had").help(
        "write one replica; or give each pod a volume of its own, in a StatefulSet with `volumeClaimTemplates`; or take a \
         class whose volumes many nodes can mount, with ReadWriteMany",
    );
}

/// Two workloads that surely can't have one claim at the same time.
fn of_two(one: &Claim<'_>, other: &Claim<'_>, findings: &mut Findings<'_>) {
    let same_object = ptr::eq(one.consumer, other.consumer);
    let run = |claim: &Claim<'_>| is_workload(claim.consumer) && claim.replicas().is_some_and(|replicas| replicas > 0);
    if one.place != other.place || same_object || !run(one) || !run(other) {
        return;
    }
    let (first, second) = (&one.consumer.id, &other.consumer.id);
    let message = if one.has_mode("ReadWriteOncePod") {
        format!(
            "{first} and {second} name one claim that admits one pod only: whichever comes second stays Pending, \"node has \
             pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode\""
        )
    } else if one.has_mode("ReadWriteOnce") && are_apart(one, other) {
        format!(
            "{first} and {second} must run on different nodes, but name one volume that one node at a time can attach: \
             whichever comes second stays in ContainerCreating, \"Multi-Attach error\", or Pending"
        )
    } else {
        return;
    };
    let modes = one.spec.get("accessModes").map_or(one.place, |modes| modes.span);
    let finding = findings.report(other.mounted, message).severity(Severity::Error);
    finding.related(one.mounted, format!("{first} names it here")).related(modes, "this is how often it can be had");
    finding
        .help("give each a claim of its own, or take a class whose volumes many nodes can mount, with ReadWriteMany");
}

/// Whether two pods must be on different nodes.
fn are_apart(one: &Claim<'_>, other: &Claim<'_>) -> bool {
    let host = |claim: &Claim<'_>| {
        let named = claim.scheduling.str_at(&["nodeName"]);
        named.or_else(|| claim.scheduling.str_at(&["nodeSelector", HOSTNAME])).map(str::to_owned)
    };
    if let (Some(one), Some(other)) = (host(one), host(other)) {
        return one != other;
    }
    let from = |claim: &Claim<'_>, labels: Option<&Node>| {
        let rules = claim.scheduling.at(&["affinity", "podAntiAffinity"]);
        labels.is_some() && rules.and_then(|rules| required(rules, labels)).is_some()
    };
    from(one, labels(other.consumer)) || from(other, labels(one.consumer))
}

fn labels(object: &Object) -> Option<&Node> {
    Pod::of(object)?.template.at(&["metadata", "labels"])
}

fn is_workload(object: &Object) -> bool {
    matches!(object.id.kind.as_str(), "Deployment" | "StatefulSet" | "ReplicaSet" | "Rollout")
}

/// How many pods a workload has: as an autoscaler of the same app says, else as it says itself.
fn count(workload: &Object, app: &BuiltApp) -> Option<Pods> {
    let scales = |object: &&Object| {
        let target = object.root.at(&["spec", "scaleTargetRef"]);
        (object.id.is("autoscaling", "HorizontalPodAutoscaler") || object.id.is("keda.sh", "ScaledObject"))
            && target.is_some_and(|target| {
                target.str_at(&["name"]) == Some(workload.id.name.as_str())
                    && target.str_at(&["kind"]).unwrap_or("Deployment") == workload.id.kind.as_str()
            })
            && app.namespace_of(object) == app.namespace_of(workload)
    };
    if let Some(scaler) = app.objects.iter().find(scales) {
        let spec = scaler.root.get("spec")?;
        let written =
            |fields: [&str; 2]| fields.iter().find_map(|field| spec.get(field)).filter(|node| !node.is_null());
        let (least, most) = (written(["minReplicas", "minReplicaCount"]), written(["maxReplicas", "maxReplicaCount"]));
        let count = least.map_or(Some(1), Node::as_i64)?;
        let place = if count > 1 { least } else { most }?;
        return Some(Pods { least: count, most: most.map_or(Some(count), Node::as_i64)?, place: place.span });
    }
    let replicas = workload.root.at(&["spec", "replicas"])?;
    let count = replicas.as_i64()?;
    Some(Pods { least: count, most: count, place: replicas.span })
}

/// Provisioners of disks that one node at a time can attach. Source: the drivers' documentation.
const BLOCK_DEVICES: [&str; 17] = [
    "ebs.csi.aws.com",
    "ebs.csi.eks.amazonaws.com",
    "kubernetes.io/aws-ebs",
    "disk.csi.azure.com",
    "kubernetes.io/azure-disk",
    "pd.csi.storage.gke.io",
    "kubernetes.io/gce-pd",
    "cinder.csi.openstack.org",
    "csi.vsphere.vmware.com",
    "driver.longhorn.io",
    "rbd.csi.ceph.com",
    "rook-ceph.rbd.csi.ceph.com",
    "dobs.csi.digitalocean.com",
    "csi.hetzner.cloud",
    "linodebs.csi.linode.com",
    "block.csi.vultr.com",
    "blockvolume.csi.oraclecloud.com",
];

/// Classes that managed clusters bring for such disks.
const BLOCK_CLASSES: [&str; 8] = [
    "gp2",
    "gp3",
    "managed-csi",
    "managed-csi-premium",
    "managed-premium",
    "standard-rwo",
    "premium-rwo",
    "do-block-storage",
];

/// Whether the class' volumes are surely disks that one node at a time can attach.
fn is_block_device(claim: &Claim<'_>, repository: &Repository) -> bool {
    let mut provisioners = claim.provisioners(repository).peekable();
    if provisioners.peek().is_none() {
        return claim.class.and_then(Node::as_str).is_some_and(|name| BLOCK_CLASSES.contains(&name));
    }
    provisioners.all(|name| BLOCK_DEVICES.contains(&name))
}
