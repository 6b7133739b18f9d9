//! Rules about objects of any kind.

pub(super) mod missing;
