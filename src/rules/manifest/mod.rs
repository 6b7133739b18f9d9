//! Rules about manifests as files.

pub(super) mod directory_not_applied;
