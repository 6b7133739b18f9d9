//! Rules about StorageClasses.

pub(super) mod missing;
pub(super) mod default_several;
