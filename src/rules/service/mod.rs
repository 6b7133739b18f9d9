//! Rules about Services.

pub(super) mod missing;
pub(super) mod port_missing;
