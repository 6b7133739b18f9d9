//! Rules about RuntimeClasses.

pub(super) mod missing;
