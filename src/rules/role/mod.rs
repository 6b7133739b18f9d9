//! Rules about roles and their bindings.

pub(super) mod bootstrap_incomplete;
pub(super) mod missing;
pub(super) mod resource_group;
