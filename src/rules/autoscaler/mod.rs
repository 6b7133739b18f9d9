//! Rules about autoscalers.

pub(super) mod replicas_conflict;
pub(super) mod target_missing;
