//! Rules about roles and their bindings.

pub(super) mod missing;
