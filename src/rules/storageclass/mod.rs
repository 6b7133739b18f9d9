//! Rules about StorageClasses.

pub(super) mod binding_immediate;
pub(super) mod csi_secret_missing;
pub(super) mod missing;
pub(super) mod default_several;
