//! Rules about PriorityClasses.

pub(super) mod missing;
