//! Rules about TopoLVM, which makes volumes on the disks of the nodes.

mod device_classes;
mod volume_groups;

pub(super) mod device_class_undefined;
pub(super) mod scheduler_extender_unconfigured;
pub(super) mod scheduling_mode_conflict;
pub(super) mod volume_group_mismatch;
