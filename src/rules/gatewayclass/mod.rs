//! Rules about GatewayClasses.

pub(super) mod missing;
