//! See `rules/calico/calico-istio-bypassed.md`.

use super::data_plane;
use crate::repository::Cluster;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    for plane in data_plane::all(repository) {
        if plane.balancing == "Disabled" {
            continue;
        }
        let apps = repository.apps.iter().filter(|app| Cluster::of(app) == plane.cluster);
        let Some(istio) = apps.filter_map(istio).next() else { continue };
        findings.about(Some(plane.app), Some(plane.object));
        let message = "Calico's eBPF data plane replaces a Service's address when a program connects, before the sidecar of \
                       Istio sees it: requests go past the mesh, without mTLS and without its rules";
        let finding = findings.report(plane.place.unwrap_or(plane.on), message);
        finding.related(istio, "Istio is installed here");
        finding.help(
            "write `bpfConnectTimeLoadBalancing: Disabled` and `bpfHostNetworkedNATWithoutCTLB: Enabled` in the \
             FelixConfiguration",
        );
    }
}

/// Where an app installs Istio's control plane.
pub(super) fn istio(app: &BuiltApp) -> Option<Span> {
    let chart = app.releases.iter().find(|release| release.chart.name == "istiod").map(|release| release.chart_span);
    let istiod = || app.objects.iter().find(|object| object.id.is("apps", "Deployment") && object.id.name == "istiod");
    chart.or_else(|| istiod().map(|object| object.name_span()))
}
