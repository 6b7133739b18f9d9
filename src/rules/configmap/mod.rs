//! Rules about ConfigMaps.

pub(super) mod key_missing;
pub(super) mod missing;
