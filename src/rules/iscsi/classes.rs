//! StorageClasses whose volumes are LUNs that a driver made of Trident attaches over iSCSI.

use std::collections::BTreeMap;

use crate::kubernetes::Object;
use crate::repository::Repository;
use crate::source::Span;
use crate::yaml::Node;

/// Back ends of NetApp Trident that speak iSCSI. Source: Trident's documentation of backends.
const ISCSI_BACKENDS: [&str; 4] = ["ontap-san", "ontap-san-economy", "solidfire-san", "eseries-iscsi"];

/// The StorageClasses of a repository, as far as they are of concern.
pub(super) struct Classes {
    /// Where each class of the repository is written, and whether it is at risk.
    known: BTreeMap<String, (Span, bool)>,
    /// The class that claims get that name none, if there is exactly one.
    pub(super) default: Option<String>,
}

impl Classes {
    /// Looks through every app. `provisioners` are the drivers that are known to format anew.
    pub(super) fn of(repository: &Repository, provisioners: &[&str]) -> Self {
        let mut known = BTreeMap::new();
        let mut defaults = Vec::new();
        for (_, object) in repository.objects_of("storage.k8s.io", "StorageClass") {
            let name = object.id.name.to_string();
            let annotations = object.root.at(&["metadata", "annotations"]);
            let default = annotations.and_then(|map| map.get("storageclass.kubernetes.io/is-default-class"));
            if default.and_then(Node::as_text) == Some("true") && !defaults.contains(&name) {
                defaults.push(name.clone());
            }
            known.insert(name, (object.name_span(), is_at_risk(object, provisioners)));
        }
        let default = defaults.pop().filter(|_| defaults.is_empty());
        Self { known, default }
    }

    /// Whether volumes of the class are at risk; with the place of the class, if it is in the repository. A class that is
    /// not there is judged by its name.
    pub(super) fn at_risk(&self, name: &str) -> Option<Option<Span>> {
        match self.known.get(name) {
            Some((span, true)) => Some(Some(*span)),
            Some((_, false)) => None,
            None => {
                let name = name.to_ascii_lowercase();
                let by_name = ["qnap", "trident", "netapp", "ontap"].into_iter().any(|driver| name.contains(driver));
                (by_name && name.contains("iscsi")).then_some(None)
            }
        }
    }
}

fn is_at_risk(object: &Object, provisioners: &[&str]) -> bool {
    let Some(provisioner) = object.root.str_at(&["provisioner"]).filter(|own| provisioners.contains(own)) else {
        return false;
    };
    let parameters = object.root.get("parameters");
    let parameter = |name: &str| parameters.and_then(|map| map.get(name)).and_then(Node::as_text);
    match provisioner {
        // QNAP's driver takes iSCSI unless a file protocol is chosen.
        "csi.trident.qnap.io" => !matches!(parameter("trident.qnap.io/fileProtocol"), Some("smb" | "nfs")),
        "csi.trident.netapp.io" => {
            parameter("backendType").is_some_and(|backend| ISCSI_BACKENDS.contains(&backend))
                && !matches!(parameter("sanType"), Some("nvme" | "fcp"))
        }
        _ => true,
    }
}
