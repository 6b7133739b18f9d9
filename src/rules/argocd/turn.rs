//! When Argo CD applies an object during a sync: the phase of its hook and its wave.
//!
//! Left out: the order of kinds within one wave, which never makes an object wait for a later one.

use crate::kubernetes::Object;
use crate::yaml::Node;

/// The phases of a sync, in their order (Argo CD documentation, "Sync Phases and Waves").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Phase {
    PreSync,
    Sync,
    PostSync,
}

/// An object's place in the order of a sync.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Turn {
    pub(super) phase: Phase,
    pub(super) wave: i64,
}

impl Phase {
    /// The name that users know.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::PreSync => "PreSync",
            Self::Sync => "Sync",
            Self::PostSync => "PostSync",
        }
    }
}

impl Turn {
    /// The first turn in which the object is applied; `None` if it is applied in no phase of an ordinary sync, or in one
    /// that can't be known.
    pub(super) fn of(object: &Object) -> Option<Self> {
        let annotation = |key: &str| object.root.at(&["metadata", "annotations", key]);
        let text = |key: &str| annotation(key).map(Node::as_text);
        let phase = match (text("argocd.argoproj.io/hook"), text("helm.sh/hook")) {
            (Some(hook), _) => hook?.split(',').filter_map(|hook| phase_of(hook.trim())).min()?,
            // Argo CD runs Helm's hooks in the phases that come nearest.
            (None, Some(hook)) => hook?.split(',').filter_map(|hook| helm_phase(hook.trim())).min()?,
            (None, None) => Phase::Sync,
        };
        let wave = match (text("argocd.argoproj.io/sync-wave"), text("helm.sh/hook-weight")) {
            (Some(wave), _) => wave?.trim().parse().ok()?,
            (None, Some(weight)) if text("helm.sh/hook").is_some() => weight?.trim().parse().ok()?,
            _ => 0,
        };
        Some(Self { phase, wave })
    }
}

fn phase_of(hook: &str) -> Option<Phase> {
    match hook {
        "PreSync" => Some(Phase::PreSync),
        "Sync" => Some(Phase::Sync),
        "PostSync" => Some(Phase::PostSync),
        _ => None,
    }
}

fn helm_phase(hook: &str) -> Option<Phase> {
    match hook {
        "pre-install" | "pre-upgrade" => Some(Phase::PreSync),
        "post-install" | "post-upgrade" => Some(Phase::PostSync),
        "crd-install" => Some(Phase::Sync),
        _ => None,
    }
}
