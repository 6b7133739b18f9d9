//! Rules about Cilium.

pub(super) mod api_server_from_other_node;
pub(super) mod deny_blocks_probes;
pub(super) mod deny_overrides_allow;
pub(super) mod empty_rules_not_enforced;
pub(super) mod http_rules_on_passthrough;
pub(super) mod hubble_metric_not_enabled;
pub(super) mod node_address_in_cidr;
pub(super) mod pattern_misses_apex;
