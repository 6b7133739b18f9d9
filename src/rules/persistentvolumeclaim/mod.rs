//! Rules about volume claims.

pub(super) mod missing;
pub(super) mod resize_refused;
pub(super) mod volume_mismatch;
