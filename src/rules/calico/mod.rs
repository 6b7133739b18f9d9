//! Rules about Calico.

mod data_plane;

pub(super) mod host_network_udp;
pub(super) mod istio_bypassed;
pub(super) mod versions_differ;
