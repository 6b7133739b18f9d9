//! See `rules/statefulset/statefulset-local-volumes-short.md`.

use std::collections::BTreeMap;

use crate::kubernetes::{Object, Quantity};
use crate::repository::Cluster;
use crate::repository::Repository;
use crate::rules::claims::Claim;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    // Volumes that are made by hand, by cluster and class.
    let mut classes: BTreeMap<(Cluster, &str), Vec<&Object>> = BTreeMap::new();
    for (app, object) in repository.objects_of("storage.k8s.io", "StorageClass") {
        if object.root.str_at(&["provisioner"]) == Some("kubernetes.io/no-provisioner") {
            classes.insert((Cluster::of(app), object.id.name.as_str()), Vec::new());
        }
    }
    if classes.is_empty() {
        return;
    }
    for (app, object) in repository.objects_of("", "PersistentVolume") {
        let class = object.root.str_at(&["spec", "storageClassName"]).unwrap_or_default();
        classes.entry((Cluster::of(app), class)).and_modify(|volumes| volumes.push(object));
    }
    for app in &repository.apps {
        for claim in Claim::of(app).iter().filter(|claim| claim.consumer.id.is("apps", "StatefulSet")) {
            let Some(class) = claim.class.and_then(|node| node.as_text().map(|text| (node, text))) else { continue };
            // Where Git holds no volume of the class, a program on the nodes makes them.
            let Some(volumes) = classes.get(&(Cluster::of(app), class.1)).filter(|volumes| !volumes.is_empty()) else {
                continue;
            };
            let replicas = claim.replicas().and_then(|count| usize::try_from(count).ok());
            let Some(replicas) = replicas.filter(|count| (1..=1_000).contains(count)) else { continue };
            let fitting = volumes.iter().filter(|volume| fits(claim, volume)).take(replicas).count();
            if fitting >= replicas {
                continue;
            }
            findings.about(Some(app), Some(claim.consumer));
            let message = format!(
                "{} needs {replicas} volumes of class `{}`, which nothing makes by itself, and {fitting} of those in Git fit: \
                 the pods without one stay Pending, \"didn't find available persistent volumes to bind\"",
                claim.consumer.id, class.1
            );
            let finding = findings.report(class.0.span, message);
            for volume in volumes.iter().take(3) {
                finding.related(volume.name_span(), "a volume of the class");
            }
            finding.help("write a PersistentVolume for each pod, or run fewer");
        }
    }
}

/// Whether a volume can be bound to a claim, as far as its size and access modes say.
fn fits(claim: &Claim<'_>, volume: &Object) -> bool {
    let quantity = |node: Option<&Node>| node.and_then(Quantity::of).and_then(Result::ok).map(Quantity::billionths);
    let (wanted, has) = (quantity(claim.size), quantity(volume.root.at(&["spec", "capacity", "storage"])));
    let modes = |node: Option<&Node>| -> Vec<String> {
        let items = node.map(Node::items).unwrap_or_default();
        items.iter().filter_map(|mode| mode.as_text().map(str::to_owned)).collect()
    };
    let offered = modes(volume.root.at(&["spec", "accessModes"]));
    let large = wanted.zip(has).is_none_or(|(wanted, has)| wanted <= has);
    large && modes(claim.spec.get("accessModes")).iter().all(|mode| offered.contains(mode))
}
