//! See `rules/calico/calico-host-network-udp.md`.

use super::data_plane;
use super::istio_bypassed::istio;
use crate::kubernetes::{Object, Pod, Version};
use crate::repository::Cluster;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::Span;

pub(crate) const CHECK: Check = Check::Repository(check);

/// The release that brought `bpfConnectTimeLoadBalancing`.
const SETTING_SINCE: Version = Version::new(3, 27);

/// Pods that are named beside the setting.
const MOST_PODS: usize = 3;

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    for plane in data_plane::all(repository) {
        // Before, every connection was sent to a backend at connect time, UDP too.
        let is_older = plane.release.is_some_and(|release| release < SETTING_SINCE);
        if is_older || !matches!(plane.balancing, "TCP" | "Disabled") {
            continue;
        }
        let apps = || repository.apps.iter().filter(|app| Cluster::of(app) == plane.cluster);
        let objects = || apps().flat_map(|app| &app.objects);
        // A DNS cache on each node answers there, and nothing has to be sent elsewhere.
        if objects().any(|object| object.id.name.contains("node-local-dns") || object.id.name.contains("nodelocaldns"))
        {
            continue;
        }
        let pods: Vec<(&Object, Span)> = objects().filter_map(asks_cluster_dns).collect();
        let Some((first, _)) = pods.first() else { continue };
        findings.about(Some(plane.app), Some(plane.object));
        let others = pods.len() - 1;
        let them =
            if others == 0 { format!("{} asks", first.id) } else { format!("{} and {others} more ask", first.id) };
        let message = format!(
            "with Calico's eBPF data plane, UDP from the host network to a Service gets no answer where no backend runs on \
             the same node, and {them} the cluster's DNS from there: names resolve on some nodes and time out on others"
        );
        let finding = findings.report(plane.place.unwrap_or(plane.on), message);
        for (_, place) in pods.iter().take(MOST_PODS) {
            finding.related(*place, "asks the cluster's DNS from the host network");
        }
        // Balancing at connect time would lead requests past Istio.
        finding.help(if apps().any(|app| istio(app).is_some()) {
            "run a DNS cache on each node (NodeLocal DNSCache)"
        } else {
            "run a DNS cache on each node (NodeLocal DNSCache), or write `bpfConnectTimeLoadBalancing: Enabled` and \
             `bpfHostNetworkedNATWithoutCTLB: Disabled`, with which sockets stay with a backend that is gone"
        });
    }
}

/// Where a pod says that it asks the cluster's DNS from the network of its node.
fn asks_cluster_dns(object: &Object) -> Option<(&Object, Span)> {
    let pod = Pod::of(object)?;
    pod.spec.get("hostNetwork").filter(|on| on.as_bool() == Some(true))?;
    let policy = pod.spec.get("dnsPolicy").filter(|policy| policy.as_str() == Some("ClusterFirstWithHostNet"))?;
    Some((object, policy.span))
}
