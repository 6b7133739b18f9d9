//! Rules about autoscalers.

pub(super) mod target_missing;
