//! See `rules/persistentvolumeclaim/persistentvolumeclaim-resize-refused.md`.

use foldhash::{HashMap, HashMapExt};

use crate::kubernetes::{Object, Quantity};
use crate::repository::{Cluster, Repository, Since};
use crate::rules::changes::refused_by;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Since(check);

fn check<'a>(since: &'a Since, repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut classes: HashMap<(Cluster, &str), &Object> = HashMap::new();
    for (app, object) in repository.objects_of("storage.k8s.io", "StorageClass") {
        classes.insert((Cluster::of(app), &object.id.name), object);
    }
    for (before, after) in since.kept(repository) {
        if !after.object.id.is("", "PersistentVolumeClaim") {
            continue;
        }
        let size = |object: &'a Object| object.root.at(&["spec", "resources", "requests", "storage"]);
        let (Some(then), Some(now)) = (size(before.object), size(after.object)) else { continue };
        let amount = |node: &Node| Quantity::of(node).and_then(Result::ok).map(Quantity::billionths);
        let (Some(was), Some(is)) = (amount(then), amount(now)) else { continue };
        let (from, to) = (then.as_text().unwrap_or_default(), now.as_text().unwrap_or_default());
        let id = &after.object.id;
        let shows = refused_by(after.app);
        findings.about(Some(after.app), Some(after.object));
        let label = format!("changed since {}", since.revision);
        if is < was {
            let message = format!(
                "{id} shrinks from {from} to {to}, which no volume can. The API server answers `field can not be less than \
                 status.capacity`: {shows}"
            );
            findings.report(now.span, message).label(label).help(
                "write the former size. For less, make a claim of another name, copy the data over, and change the pods",
            );
            continue;
        }
        let class = after.object.root.str_at(&["spec", "storageClassName"]);
        let class = class.and_then(|class| classes.get(&(Cluster::of(after.app), class)));
        let Some(class) = class.filter(|_| is > was) else { continue };
        let allows = class.root.get("allowVolumeExpansion");
        if allows.is_some_and(|allows| allows.as_bool() != Some(false) && !allows.is_null()) {
            continue;
        }
        let message = format!(
            "{id} grows from {from} to {to}, and its {} lets no volume grow. The API server answers `only dynamically \
             provisioned pvc can be resized and the storageclass that provisions the pvc must support resize`: {shows}",
            class.id
        );
        findings
            .report(now.span, message)
            .label(label)
            .related(allows.map_or(class.name_span(), |allows| allows.span), "without `allowVolumeExpansion: true`")
            .help(
                "write `allowVolumeExpansion: true` into the class, which may be changed at any time, if its driver can do it; \
                 let that be applied first",
            );
    }
}
