//! Rules about what may be named across namespaces.

pub(super) mod missing;
