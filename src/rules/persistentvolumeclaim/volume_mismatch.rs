//! See `rules/persistentvolumeclaim/persistentvolumeclaim-volume-mismatch.md`.

use std::collections::BTreeMap;

use crate::kubernetes::{Object, Quantity};
use crate::repository::Cluster;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut volumes: BTreeMap<(Cluster, &str), &Object> = BTreeMap::new();
    for app in &repository.apps {
        for object in app.objects.iter().filter(|object| object.id.is("", "PersistentVolume")) {
            volumes.insert((Cluster::of(app), object.id.name.as_str()), object);
        }
    }
    if volumes.is_empty() {
        return;
    }
    for app in &repository.apps {
        for claim in app.objects.iter().filter(|object| object.id.is("", "PersistentVolumeClaim")) {
            let Some(named) = claim.root.at(&["spec", "volumeName"]) else { continue };
            let Some(name) = named.as_text() else { continue };
            let Some(volume) = volumes.get(&(Cluster::of(app), name)) else { continue };
            let (Some(wanted), Some(offered)) = (claim.root.get("spec"), volume.root.get("spec")) else { continue };
            let Some((place, other, why)) = mismatch(wanted, offered) else { continue };
            findings.about(Some(app), Some(claim));
            let message = format!(
                "{} names the volume `{name}`, which it can't be bound to: {why}. It stays Pending, and so does the pod",
                claim.id
            );
            let finding = findings.report(place.span, message);
            finding.related(other.map_or(volume.name_span(), |node| node.span), "the volume says this");
            finding.help(
                "make the two agree; neither can be changed once they are in the cluster, so make the claim anew",
            );
        }
    }
}

/// What a claim and its volume disagree about: where the claim says it, where the volume does, and how.
fn mismatch<'a>(claim: &'a Node, volume: &'a Node) -> Option<(&'a Node, Option<&'a Node>, String)> {
    let quantity = |node: &Node| Quantity::of(node).and_then(Result::ok);
    let (size, capacity) = (claim.at(&["resources", "requests", "storage"]), volume.at(&["capacity", "storage"]));
    if let (Some(size), Some(capacity)) = (size, capacity)
        && quantity(size)?.billionths() > quantity(capacity)?.billionths()
    {
        let (wanted, has) = (size.as_text().unwrap_or_default(), capacity.as_text().unwrap_or_default());
        return Some((size, Some(capacity), format!("it asks for {wanted}, and the volume has {has}")));
    }
    // Without a class the claim gets the default one, which is not known here.
    let class = claim.get("storageClassName").filter(|class| !class.is_null());
    let offered = volume.get("storageClassName").filter(|class| !class.is_null());
    if let Some(class) = class {
        let (own, theirs) = (class.as_text()?, offered.map_or(Some(""), Node::as_text)?);
        if own != theirs {
            return Some((class, offered, format!("its class is `{own}`, and the volume's `{theirs}`")));
        }
    }
    let modes = |node: &'a Node| node.get("accessModes").map(Node::items).unwrap_or_default();
    let has = |mode: &Node| modes(volume).iter().any(|own| own.as_text() == mode.as_text());
    if let Some(mode) = modes(claim).iter().find(|mode| mode.as_text().is_some() && !has(mode)) {
        let why = format!("it asks for {}, which the volume does not offer", mode.as_text().unwrap_or_default());
        return Some((mode, volume.get("accessModes"), why));
    }
    let filled = |node: Option<&'a Node>| node.map_or(Some("Filesystem"), Node::as_str);
    let (own, theirs) = (claim.get("volumeMode"), volume.get("volumeMode"));
    if filled(own)? != filled(theirs)? {
        let why = format!("one is of mode {}, the other {}", filled(own)?, filled(theirs)?);
        return Some((own.or(size).unwrap_or(claim), theirs, why));
    }
    None
}
