//! Rules about roles and their bindings.

pub(super) mod bootstrap_incomplete;
pub(super) mod missing;
pub(super) mod aggregation_no_match;
pub(super) mod resource_group;
pub(super) mod resource_name;
