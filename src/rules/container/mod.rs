//! Rules about single containers.

pub(super) mod capability_prefix;
pub(super) mod cpu_limit_forbidden;
pub(super) mod cpu_limit_too_low;
pub(super) mod env_order;
pub(super) mod limit_below_request;
mod limits;
pub(super) mod memory_limit_too_low;
pub(super) mod mount_path_duplicate;
pub(super) mod non_root_without_user;
