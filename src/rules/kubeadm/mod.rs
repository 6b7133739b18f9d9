//! Rules about clusters that kubeadm sets up: its configuration, and the control plane that it writes.

mod objects;
mod release;
mod statements;

pub(super) mod addon_version;
pub(super) mod configuration_invalid;
pub(super) mod flag_removed;
pub(super) mod subnet_public;
pub(super) mod version_drift;
pub(super) mod version_skew;
