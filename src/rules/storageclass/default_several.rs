//! See `rules/storageclass/storageclass-default-several.md`.

use std::collections::BTreeMap;

use crate::kubernetes::Object;
use crate::repository::Cluster;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut first: BTreeMap<Cluster, (&Object, &Node)> = BTreeMap::new();
    for (app, object, mark) in repository.apps.iter().flat_map(defaults) {
        let (other, others) = *first.entry(Cluster::of(app)).or_insert((object, mark));
        if other.id == object.id {
            continue;
        }
        findings.about(Some(app), Some(object));
        let message = format!(
            "{} and {} are both the default: claims that name no class get the one that was made last in the cluster, and \
             which that is, nothing in Git says",
            object.id, other.id
        );
        let finding = findings.report(mark.span, message);
        finding.related(others.span, format!("`{}` is the default too", other.id.name));
        finding.help("leave one of them the default");
    }
}

/// The StorageClasses of an app that are marked as the default, with the mark.
fn defaults(app: &BuiltApp) -> impl Iterator<Item = (&BuiltApp, &Object, &Node)> {
    app.objects.iter().filter(|object| object.id.is("storage.k8s.io", "StorageClass")).filter_map(move |object| {
        let annotations = object.root.at(&["metadata", "annotations"])?;
        let mark = annotations.get("storageclass.kubernetes.io/is-default-class")?;
        (mark.as_text() == Some("true")).then_some((app, object, mark))
    })
}
