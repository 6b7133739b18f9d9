//! Rules about objects of any kind.

pub(super) mod duplicate;
pub(super) mod missing;
