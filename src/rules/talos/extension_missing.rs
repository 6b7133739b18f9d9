//! See `rules/talos/talos-extension-missing.md`.

use super::extensions;
use crate::helm::{Binding, Release};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// Provisioners whose node pods call `iscsiadm` on the host, for every volume or for those of these parameters.
/// Sources: NetApp Trident, Talos support; Longhorn, Talos Linux Support; QNAP-CSI-PlugIn, README.
const NEED_ISCSI: [&str; 4] =
    ["csi.trident.qnap.io", "driver.longhorn.io", "org.democratic-csi.iscsi", "csi.san.synology.com"];

/// Parameters that choose another protocol than iSCSI.
const OTHER_PROTOCOL: [&str; 2] = ["trident.qnap.io/fileProtocol", "protocol"];

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let class = repository.objects_of("storage.k8s.io", "StorageClass").find(|(_, object)| {
        let by_iscsi = object.root.str_at(&["provisioner"]).is_some_and(|own| NEED_ISCSI.contains(&own));
        let parameters = object.root.get("parameters");
        let other = |name: &str| {
            parameters.and_then(|map| map.get(name)).is_some_and(|value| !matches!(value.as_text(), Some("iscsi")))
        };
        by_iscsi && !OTHER_PROTOCOL.iter().copied().any(other)
    });
    let chart = repository.apps.iter().find_map(|app| {
        // Its second data engine needs none.
        let engine =
            |release: &Release| release.values.at(&["defaultSettings", "v1DataEngine"]).and_then(Node::as_bool);
        let of_iscsi = |release: &&Release| {
            release.chart.name == "longhorn" && release.binding == Binding::Declared && engine(release) != Some(false)
        };
        Some((app, app.releases.iter().find(of_iscsi)?))
    });
    let (app, object, what, place) = match (class, chart) {
        (Some((app, class)), _) => {
            let provisioner = class.root.get("provisioner").and_then(Node::as_str).unwrap_or_default();
            let what = format!("volumes of `{}` need `iscsiadm` on the nodes ({provisioner})", class.id.name);
            (app, Some(class), what, class.name_span())
        }
        (None, Some((app, release))) => {
            (app, None, "volumes of Longhorn need `iscsiadm` on the nodes".to_owned(), release.chart_span)
        }
        (None, None) => return,
    };
    let extensions = extensions::all(repository);
    let known = |name: &str| name.contains("iscsi-tools") || name.contains(['{', '$']);
    let Some(first) = extensions.first().filter(|_| !extensions.iter().any(|extension| known(&extension.name))) else {
        return;
    };
    findings.about(Some(app), object);
    let message = format!(
        "{what}, and none of the lists of system extensions here has `iscsi-tools`: pods stay in ContainerCreating"
    );
    let finding = findings.report(first.span, message);
    let label = if object.is_some() { "the class" } else { "the chart" };
    finding.related(place, label).help("add `siderolabs/iscsi-tools` to the extensions of the nodes");
}
