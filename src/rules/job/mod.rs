//! Rules about Jobs.

pub(super) mod expires_and_returns;
