//! Rules about ConfigMaps.

pub(super) mod changed_without_rollout;
pub(super) mod key_missing;
pub(super) mod missing;
