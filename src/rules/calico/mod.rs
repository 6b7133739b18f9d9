//! Rules about Calico.

mod data_plane;

pub(super) mod host_network_udp;
pub(super) mod istio_bypassed;
pub(super) mod load_balancing_conflict;
pub(super) mod setting_ignored;
pub(super) mod versions_differ;
