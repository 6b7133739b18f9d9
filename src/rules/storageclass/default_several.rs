//! See `rules/storageclass/storageclass-default-several.md`.

use std::collections::BTreeMap;

use crate::kubernetes::Object;
use crate::repository::Cluster;
use crate::repository::graph::chart_classes;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;

pub(crate) const CHECK: Check = Check::Repository(check);

/// A StorageClass that is the default.
struct Default<'a> {
    app: &'a BuiltApp,
    /// None for one that a chart makes.
    object: Option<&'a Object>,
    /// How messages call it.
    name: String,
    /// What makes it the default.
    mark: Span,
}

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut first: BTreeMap<Cluster, Default<'a>> = BTreeMap::new();
    // Those of charts come first: of two, the one in a manifest is told, which is the one that somebody wrote as a whole.
    let apps = || repository.deployed().map(|(_, app)| app);
    for class in apps().flat_map(of_charts).chain(apps().flat_map(of_objects)) {
        let Some(other) = first.get(&Cluster::of(class.app)) else {
            first.insert(Cluster::of(class.app), class);
            continue;
        };
        let is_same = match (other.object, class.object) {
            (Some(one), Some(other)) => one.id == other.id,
            _ => other.mark == class.mark,
        };
        if is_same {
            continue;
        }
        findings.about(Some(class.app), class.object);
        let message = format!(
            "{} and {} are both the default: claims that name no class get the one that was made last in the cluster, and \
             which that is, nothing in Git says",
            class.name, other.name
        );
        let finding = findings.report(class.mark, message);
        finding.related(other.mark, format!("{} is the default too", other.name));
        finding.help("leave one of them the default");
    }
}

/// The StorageClasses of an app that are marked as the default.
fn of_objects(app: &BuiltApp) -> impl Iterator<Item = Default<'_>> {
    app.objects.iter().filter(|object| object.id.is("storage.k8s.io", "StorageClass")).filter_map(move |object| {
        let annotations = object.root.at(&["metadata", "annotations"])?;
        let mark = annotations.get("storageclass.kubernetes.io/is-default-class")?;
        let is_default = mark.as_text() == Some("true");
        is_default.then(|| Default { app, object: Some(object), name: object.id.to_string(), mark: mark.span })
    })
}

/// The default StorageClasses that charts of an app make.
fn of_charts(app: &BuiltApp) -> impl Iterator<Item = Default<'_>> {
    app.releases.iter().flat_map(move |release| {
        let name = format!("a StorageClass of the chart {}", release.chart.name);
        let marks = chart_classes::defaults(release).into_iter();
        marks.map(move |mark| Default { app, object: None, name: name.clone(), mark })
    })
}
