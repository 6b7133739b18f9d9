//! Rules about Cilium.

pub(super) mod hubble_metric_not_enabled;
