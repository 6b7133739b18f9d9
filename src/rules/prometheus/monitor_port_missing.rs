//! See `rules/prometheus/prometheus-monitor-port-missing.md`.

use super::monitors::{monitors, services};
use crate::finding::nearest;
use crate::kubernetes::Object;
use crate::repository::Repository;
use crate::rules::injection::{MESH_PORTS, injects_containers, port_names};
use crate::rules::selection::{self, Pods, Selecting, Sight, Target};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let (of_services, of_pods) = (monitors(repository, "ServiceMonitor"), monitors(repository, "PodMonitor"));
    if of_services.is_empty() && of_pods.is_empty() {
        return;
    }
    let pods = Pods::of(repository);
    let services = services(repository);
    for (monitor, targets) in selection::taken(&of_services, &services) {
        judge(repository, &pods, monitor, &targets, "endpoints", names_of_service, findings);
    }
    if injects_containers(repository) {
        return;
    }
    for (monitor, targets) in selection::taken(&of_pods, &pods.targets) {
        judge(repository, &pods, monitor, &targets, "podMetricsEndpoints", port_names, findings);
    }
}

fn judge<'a>(
    repository: &'a Repository,
    pods: &Pods<'a>,
    monitor: &Selecting<'a>,
    targets: &[&Target<'a>],
    field: &str,
    names: impl Fn(&'a Object) -> Option<Vec<&'a str>>,
    findings: &mut Findings<'a>,
) {
    let names: Option<Vec<Vec<&str>>> = targets.iter().map(|target| names(target.object)).collect();
    let (Some(names), Some(first)) = (names, targets.first()) else { return };
    let (names, what) = (names.concat(), first.object.id.to_string());
    // Somebody else's target of the same labels may have the port.
    if pods.seen(monitor, &first.object.id.name) == Sight::Unknown {
        return;
    }
    findings.about(repository.apps.get(monitor.app), Some(monitor.object));
    for endpoint in monitor.object.root.at(&["spec", field]).map(Node::items).unwrap_or_default() {
        let Some(node) = endpoint.get("port").filter(|node| !node.is_unknown()) else { continue };
        let Some(wanted) = node.as_text().filter(|wanted| !wanted.contains(['$', '{'])) else { continue };
        if names.contains(&wanted) || MESH_PORTS.contains(&wanted) {
            continue;
        }
        let has = match names.as_slice() {
            [] => "none".to_owned(),
            names => format!("`{}`", names.join("`, `")),
        };
        let has = match first.object.id.kind.as_str() {
            "Service" => format!("{what} has {has}"),
            _ => format!("the pods of {what} have {has}"),
        };
        let message = format!(
            "{} scrapes the port `{wanted}`, and nothing that it selects has a port of that name; {has}: there is no \
             target, and nothing is scraped",
            monitor.object.id
        );
        let finding = findings.report(node.span, message);
        finding.label("no such port").related(first.object.name_span(), "is selected");
        finding.help(match nearest(wanted, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                "name a port that the selected object has; a monitor asks for its name, not for its number".to_owned()
            }
        });
    }
}

/// The names of a Service's ports.
fn names_of_service(service: &Object) -> Option<Vec<&str>> {
    let ports = service.root.at(&["spec", "ports"])?;
    let known = !ports.is_unknown() && ports.items().iter().all(|port| !port.is_unknown());
    known.then(|| ports.items().iter().filter_map(|port| port.str_at(&["name"])).collect())
}
