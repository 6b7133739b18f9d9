//! See `rules/grafana/grafana-sidecar-configmap-not-selected.md`.

use super::sidecar::{self, Sidecar, namespace};
use crate::kubernetes::Object;
use crate::repository::Cluster;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// Charts that bring a Grafana whose sidecar presync does not know.
const OTHER_GRAFANAS: [&str; 3] = ["victoria-metrics-k8s-stack", "loki-stack", "k8s-monitoring"];

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    for kind in ["dashboards", "datasources"] {
        let grafanas = sidecar::grafanas(repository);
        let sidecars: Vec<(Cluster, Sidecar, &str)> = grafanas
            .iter()
            .filter(|grafana| grafana.runs != Some(false))
            .map(|grafana| {
                let sidecar = Sidecar::of(grafana.values, kind, grafana.release, grafana.app);
                (Cluster::of(grafana.app), sidecar, grafana.release.name.as_str())
            })
            .collect();
        if sidecars.is_empty() || others_run(repository) {
            continue;
        }
        for app in &repository.apps {
            let cluster = Cluster::of(app);
            let here: Vec<_> = sidecars.iter().filter(|(other, ..)| *other == cluster).collect();
            // A setting that can't be known may select anything.
            if here.is_empty() || here.iter().any(|(_, sidecar, _)| !sidecar.is_known()) {
                continue;
            }
            let carriers =
                app.objects.iter().filter(|object| matches!(object.id.kind.as_str(), "ConfigMap" | "Secret"));
            for object in carriers {
                if kind == "dashboards" {
                    tell_unlabelled(object, app, &here, repository, findings);
                }
                if !here.iter().any(|(_, sidecar, _)| sidecar.selects(object, app)) {
                    let all = here.iter().filter(|(_, sidecar, _)| sidecar.enabled == Some(true));
                    all.take(1).for_each(|(_, sidecar, name)| report(kind, sidecar, name, object, app, findings));
                }
            }
        }
    }
}

fn report(kind: &str, sidecar: &Sidecar, grafana: &str, object: &Object, app: &BuiltApp, findings: &mut Findings<'_>) {
    let (Some(label), Some(wanted)) = (&sidecar.label, &sidecar.value) else { return };
    let Some(node) = object.root.at(&["metadata", "labels", label]) else { return };
    let Some(value) = node.as_text() else { return };
    let report = if !wanted.is_empty() && wanted != value {
        let message = format!(
            "the sidecar of the Grafana {grafana} takes {kind} with the label {label}={wanted:?}; this one has {value:?}, \
             so Grafana never gets it"
        );
        let report = findings.report(node.span, message);
        report.help(format!("write `{label}: {wanted:?}`"))
    } else {
        let own = namespace(object, app);
        if sidecar.searches(own) != Some(false) {
            return;
        }
        let message = format!(
            "the sidecar of the Grafana {grafana} does not search the namespace {own}, so Grafana never gets these {kind}"
        );
        let place = object.root.at(&["metadata", "namespace"]).map_or(object.name_span(), |node| node.span);
        let report = findings.report(place, message);
        report.help(format!("move it to Grafana's namespace, or set `sidecar.{kind}.searchNamespace: ALL`"))
    };
    report.object = Some(object.id.to_string());
    report.apps = vec![app.app.name.clone()];
}

/// A dashboard without the label, in an app of which another one has it.
fn tell_unlabelled(
    object: &Object,
    app: &BuiltApp,
    here: &[&(Cluster, Sidecar, &str)],
    repository: &Repository,
    findings: &mut Findings<'_>,
) {
    let is_dashboard = |text: &str| text.contains("\"panels\"") && text.contains("\"schemaVersion\"");
    let holds_dashboards = |object: &Object| {
        let files = object.root.get("data").map(Node::entries).unwrap_or_default();
        let mut texts = files.iter().filter(|file| file.key.text.ends_with(".json"));
        object.id.kind == "ConfigMap" && texts.any(|file| file.value.as_str().is_some_and(is_dashboard))
    };
    let label_of = |object: &Object, label: &str| object.root.at(&["metadata", "labels", label]).is_some();
    if here.iter().any(|(_, sidecar, _)| sidecar.label.as_deref().is_none_or(|label| label_of(object, label)))
        || !holds_dashboards(object)
    {
        return;
    }
    let sibling = app.objects.iter().find_map(|other| {
        let (_, sidecar, name) = here.iter().find(|(_, sidecar, _)| sidecar.selects(other, app))?;
        holds_dashboards(other).then_some((other, sidecar, name))
    });
    let Some((sibling, sidecar, grafana)) = sibling else { return };
    if is_named(&object.id.name, repository) {
        return;
    }
    let (label, value) = (sidecar.label.as_deref().unwrap_or_default(), sidecar.value.as_deref().unwrap_or_default());
    let message = format!(
        "the sidecar of the Grafana {grafana} takes dashboards with the label `{label}`; this one has none, unlike {} of the \
         same app, so Grafana never gets it",
        sibling.id
    );
    let report = findings.report(object.name_span(), message);
    report.related(sibling.name_span(), "has the label");
    report.help(format!("add the label `{label}: {:?}`", if value.is_empty() { "1" } else { value }));
    report.object = Some(object.id.to_string());
    report.apps = vec![app.app.name.clone()];
}

/// Whether something names the ConfigMap, such as a volume or the values of a Grafana, and may load it without a label.
fn is_named(name: &str, repository: &Repository) -> bool {
    let objects = repository.apps.iter().flat_map(|app| &app.objects);
    let parts = objects.flat_map(|object| ["spec", "data"].into_iter().filter_map(|part| object.root.get(part)));
    let values = repository.apps.iter().flat_map(|app| &app.releases).map(|release| &release.values);
    let mut open: Vec<&Node> = parts.chain(values).collect();
    while let Some(node) = open.pop() {
        if node.as_str() == Some(name) {
            return true;
        }
        open.extend(node.items());
        open.extend(node.entries().iter().map(|entry| &entry.value));
    }
    false
}

/// Whether something else may read the objects: another chart's Grafana, or one that is deployed by hand.
fn others_run(repository: &Repository) -> bool {
    let charts = repository.apps.iter().flat_map(|app| &app.releases);
    let mut workloads = repository
        .apps
        .iter()
        .flat_map(|app| &app.objects)
        .filter(|object| matches!(object.id.kind.as_str(), "Deployment" | "StatefulSet"));
    charts.into_iter().any(|release| OTHER_GRAFANAS.contains(&release.chart.name.as_str()))
        || workloads.any(|object| {
            let containers = object.root.at(&["spec", "template", "spec", "containers"]);
            let images = containers.map(Node::items).unwrap_or_default();
            images
                .iter()
                .filter_map(|container| container.str_at(&["image"]))
                .any(|image| image.contains("grafana/grafana"))
        })
}
