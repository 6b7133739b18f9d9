//! See `rules/container/container-capability-prefix.md`.

use crate::kubernetes::Pod;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::{Node, Value};

pub(crate) const CHECK: Check = Check::App(check);

/// Deepest nesting of values that is looked into.
const DEEPEST: usize = 64;

fn check<'a>(app: &'a BuiltApp, _: &'a Repository, findings: &mut Findings<'a>) {
    for object in &app.objects {
        let Some(pod) = Pod::of(object) else { continue };
        findings.about(Some(app), Some(object));
        for container in pod.containers() {
            if let Some(capabilities) = container.node.at(&["securityContext", "capabilities"]) {
                judge(
                    capabilities,
                    &format!("the container `{}` of {}", container.name().unwrap_or_default(), object.id),
                    findings,
                );
            }
        }
    }
    for release in &app.releases {
        findings.about(Some(app), None);
        in_values(&release.values, 0, &format!("a value of the chart {}", release.chart.name), findings);
    }
}

fn judge(capabilities: &Node, who: &str, findings: &mut Findings<'_>) {
    for node in capabilities.get("add").map(Node::items).unwrap_or_default() {
        let Some((text, name)) = node.as_text().and_then(|text| Some((text, text.strip_prefix("CAP_")?))) else {
            continue;
        };
        let message = format!(
            "{who} asks for the capability {text}. Kubernetes names capabilities without `CAP_`, and the container runtime \
             refuses to start a container with one that it does not know"
        );
        findings.report(node.span, message).label("without `CAP_`").help(format!("write `{name}`"));
    }
}

/// Containers' capabilities within the values of a chart that is not rendered.
fn in_values(node: &Node, depth: usize, who: &str, findings: &mut Findings<'_>) {
    if depth >= DEEPEST {
        return;
    }
    match &node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => items.iter().for_each(|item| in_values(item, depth + 1, who, findings)),
        Value::Mapping(map) => {
            for entry in map.iter() {
                if entry.key.text == "capabilities" {
                    judge(&entry.value, who, findings);
                }
                in_values(&entry.value, depth + 1, who, findings);
            }
        }
    }
}
