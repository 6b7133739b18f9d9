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
    for (app, object) in repository.objects_of("", "PersistentVolume") {
        volumes.insert((Cluster::of(app), object.id.name.as_str()), object);
    }
    if volumes.is_empty() {
        return;
    }
    for app in &repository.apps {
        // Which claim of the app names a volume first.
        let mut first: BTreeMap<&str, (&Object, &Node)> = BTreeMap::new();
        for claim in app.objects.iter().filter(|object| object.id.is("", "PersistentVolumeClaim")) {
            let Some(named) = claim.root.at(&["spec", "volumeName"]) else { continue };
            let Some(name) = named.as_text() else { continue };
            let Some(volume) = volumes.get(&(Cluster::of(app), name)) else { continue };
            let (Some(wanted), Some(offered)) = (claim.root.get("spec"), volume.root.get("spec")) else { continue };
            let (kept, before) =
                (kept_for_other(repository.home_of(app, claim), claim, named, offered), first.get(name).copied());
            let taken = before.map(|(other, place)| (named, Some(place), format!("{} names it too", other.id)));
            first.entry(name).or_insert((claim, named));
            let Some((place, other, why)) = kept.or(taken).or_else(|| mismatch(wanted, offered)) else { continue };
            findings.about(Some(app), Some(claim));
            let message = format!(
                "{} names the volume `{name}`, which it can't be bound to: {why}. It stays Pending, and so does the pod",
                claim.id
            );
            let finding = findings.report(place.span, message);
            let (told, label) = match other {
                Some(node) if before.is_some_and(|(_, place)| std::ptr::eq(place, node)) => {
                    (node.span, "named here first")
                }
                Some(node) => (node.span, "the volume says this"),
                None => (volume.name_span(), "the volume says this"),
            };
            finding.related(told, label);
            finding.help(
                "make the two agree; neither can be changed once they are in the cluster, so make the claim anew",
            );
        }
    }
}

/// Whether a volume waits for another claim than the one that names it: where the claim says it, where the volume does, and how.
fn kept_for_other<'a>(
    home: &str,
    claim: &Object,
    named: &'a Node,
    volume: &'a Node,
) -> Option<(&'a Node, Option<&'a Node>, String)> {
    let kept = volume.get("claimRef")?;
    let (name, namespace) = (kept.str_at(&["name"])?, kept.str_at(&["namespace"])?);
    let settled = crate::references::is_settled;
    let other = name != claim.id.name.as_str() || !home.is_empty() && namespace != home;
    let known = settled(name) && settled(namespace) && settled(&claim.id.name);
    (other && known).then(|| (named, Some(kept), format!("the volume is kept for `{namespace}/{name}`")))
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
