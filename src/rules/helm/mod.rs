//! Rules about charts and where they come from.

pub(super) mod repository_retired;
