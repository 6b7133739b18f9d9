//! Rules about StatefulSets.

pub(super) mod service_missing;
pub(super) mod service_not_headless;
pub(super) mod local_volumes_short;
