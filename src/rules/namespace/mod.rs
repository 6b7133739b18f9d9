//! Rules about namespaces.

pub(super) mod missing;
