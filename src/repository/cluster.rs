//! Which apps may run in one cluster.

use super::BuiltApp;
use crate::gitops::Declared;

/// A cluster, as far as the repository tells clusters apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cluster(String);

impl Cluster {
    /// The cluster an app is deployed to. Roots that nothing declares are taken for clusters of their own, since
    /// overlays of one base look like that.
    pub fn of(app: &BuiltApp) -> Self {
        Self(match app.app.declared {
            Declared::ArgoApplication(_) | Declared::FluxKustomization(_) | Declared::FluxHelmRelease(_) => {
                // Argo CD knows its own cluster under two names.
                let own =
                    matches!(app.app.destination.cluster.as_str(), "in-cluster" | "https://kubernetes.default.svc");
                format!("cluster {}", if own { "" } else { &app.app.destination.cluster })
            }
            _ => format!("root {}", app.app.name),
        })
    }
}
