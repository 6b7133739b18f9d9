//! See `rules/calico/calico-load-balancing-conflict.md`.

use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Object(check);

fn check(object: &Object, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    let is_felix = object.id.kind == "FelixConfiguration" && object.id.group.ends_with("projectcalico.org");
    let Some(spec) = object.root.get("spec").filter(|_| is_felix) else { return };
    if spec.get("bpfEnabled").and_then(Node::as_bool) == Some(false) {
        return;
    }
    let Some(translated) = spec.get("bpfHostNetworkedNATWithoutCTLB") else { return };
    let balancing = spec.get("bpfConnectTimeLoadBalancing");
    if balancing.is_some_and(Node::is_unknown) {
        return;
    }
    let text = balancing.and_then(Node::as_text).unwrap_or("TCP");
    let consequence = match (translated.as_text(), text) {
        (Some("Enabled"), "Enabled") => "Felix silently switches the first off",
        (Some("Disabled"), "TCP") => {
            "nothing translates UDP from the host network, and programs there don't reach some Services"
        }
        (Some("Disabled"), "Disabled") => {
            "nothing translates what the host network sends, and programs there reach no Service on another node"
        }
        _ => return,
    };
    let default = if balancing.is_none() { ", the default" } else { "" };
    let message = format!(
        "{} sets `bpfHostNetworkedNATWithoutCTLB` to `{}` beside `bpfConnectTimeLoadBalancing: {text}`{default}: {consequence}",
        object.id,
        translated.as_text().unwrap_or_default()
    );
    let finding = findings.report(translated.span, message);
    finding.label("contradicts bpfConnectTimeLoadBalancing");
    if let Some(balancing) = balancing {
        finding.related(balancing.span, "balanced at connect time");
    }
    finding.help("keep the defaults, `TCP` and `Enabled`, or write `Enabled` and `Disabled`");
}
