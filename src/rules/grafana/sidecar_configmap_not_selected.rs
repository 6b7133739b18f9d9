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
