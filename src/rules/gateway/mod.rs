//! Rules about Gateways.

pub(super) mod listener_missing;
pub(super) mod missing;
