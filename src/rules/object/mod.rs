//! Rules about objects of any kind.

pub(super) mod duplicate;
pub(super) mod immutable_field_changed;
pub(super) mod missing;
pub(super) mod placeholder_left;
pub(super) mod pruned_in_use;
pub(super) mod removed_not_pruned;
