//! Rules about the stores of External Secrets.

pub(super) mod missing;
