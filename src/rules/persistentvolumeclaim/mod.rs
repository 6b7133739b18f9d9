//! Rules about volume claims.

pub(super) mod missing;
pub(super) mod not_shareable;
pub(super) mod resize_refused;
pub(super) mod volume_mismatch;
