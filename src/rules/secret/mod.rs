//! Rules about Secrets.

pub(super) mod key_missing;
pub(super) mod missing;
