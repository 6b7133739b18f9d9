//! Rules about cert-manager's issuers.

pub(super) mod missing;
