//! Rules about ServiceAccounts.

pub(super) mod missing;
