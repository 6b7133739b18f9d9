//! Rules about IngressClasses.

pub(super) mod missing;
