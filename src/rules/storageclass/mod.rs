//! Rules about StorageClasses.

pub(super) mod missing;
