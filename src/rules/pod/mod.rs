//! Rules about pods, whatever makes them.

pub(super) mod anti_affinity_exceeds_nodes;
pub(super) mod fsgroup_recursive_chown;
pub(super) mod node_unknown;
pub(super) mod security_violation;
