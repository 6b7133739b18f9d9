//! Rules about StatefulSets.

pub(super) mod service_missing;
