//! Rules about network policies, of Kubernetes and of Cilium alike.

pub(super) mod destinations;
mod words;

pub(super) mod api_server_refused;
pub(super) mod dns_refused;
pub(super) mod dns_udp_only;
pub(super) mod eventbus_client_refused;
pub(super) mod namespace_label_missing;
pub(super) mod one_sided;
pub(super) mod port_of_service;
pub(super) mod repo_server_host_refused;
pub(super) mod selector_no_match;
pub(super) mod workflow_artifacts_refused;
