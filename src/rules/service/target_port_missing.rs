//! See `rules/service/service-target-port-missing.md`.

use crate::finding::nearest;
use crate::repository::Repository;
use crate::rules::injection::{MESH_PORTS, injects_containers, port_names};
use crate::rules::selection::{self, Pods, Selecting};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut services = Vec::new();
    for (at, app, object) in repository.deployed_objects_of("", "Service") {
        let Some(selector) = object.root.at(&["spec", "selector"]) else { continue };
        let ports = object.root.at(&["spec", "ports"]).map(Node::items).unwrap_or_default();
        if ports.iter().any(|port| named(port).is_some()) {
            let namespaces = vec![repository.home_of(app, object)];
            services.push(Selecting { app: at, object, namespaces, query: selection::plain(selector) });
        }
    }
    if services.is_empty() || injects_containers(repository) {
        return;
    }
    let pods = Pods::of(repository);
    for (service, targets) in selection::taken(&services, &pods.targets) {
        // Of pods that an operator makes the ports are not known.
        if pods.may_take_others(service) {
            continue;
        }
        let names: Option<Vec<Vec<&str>>> = targets.iter().map(|target| port_names(target.object)).collect();
        let (Some(names), Some(first)) = (names, targets.first()) else { continue };
        let names = names.concat();
        findings.about(repository.apps.get(service.app), Some(service.object));
        for port in service.object.root.at(&["spec", "ports"]).map(Node::items).unwrap_or_default() {
            let Some((node, wanted)) =
                named(port).filter(|(_, wanted)| !names.contains(wanted) && !MESH_PORTS.contains(wanted))
            else {
                continue;
            };
            let has = match names.as_slice() {
                [] => "they name none".to_owned(),
                names => format!("they have `{}`", names.join("`, `")),
            };
            let message = format!(
                "{} sends to the port `{wanted}` of its pods, and the pods of {} have no port of that name; {has}: the \
                 Service has no endpoint for it, and connections are refused",
                service.object.id, first.object.id
            );
            let finding = findings.report(node.span, message);
            finding.label("no such port").related(first.object.name_span(), "makes the pods");
            finding.help(match nearest(wanted, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write the number, or name a port of the container so".to_owned(),
            });
        }
    }
}

/// A port's `targetPort`, if it is a name.
fn named(port: &Node) -> Option<(&Node, &str)> {
    let node = port.get("targetPort")?;
    let text = node.as_text().filter(|text| !text.contains('$') && !text.contains("{{"))?;
    text.bytes().any(|byte| byte.is_ascii_alphabetic()).then_some((node, text))
}
