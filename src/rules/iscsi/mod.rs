//! Rules about volumes on iSCSI.

mod classes;

pub(super) mod workload_not_pinned;
