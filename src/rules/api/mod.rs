//! Rules about API versions: whether the cluster serves what an object asks for.

mod judge;
pub(super) mod version_deprecated;
pub(super) mod version_not_served_by_default;
pub(super) mod version_not_yet_served;
pub(super) mod version_removed;
pub(super) mod version_unknown;
