//! Rules about Deployments.

pub(super) mod rwo_rolling_update;
