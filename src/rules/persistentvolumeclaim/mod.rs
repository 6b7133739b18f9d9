//! Rules about volume claims.

pub(super) mod missing;
