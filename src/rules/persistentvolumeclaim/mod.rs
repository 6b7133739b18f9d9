//! Rules about volume claims.

pub(super) mod missing;
pub(super) mod volume_mismatch;
