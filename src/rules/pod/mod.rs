//! Rules about pods, whatever makes them.

pub(super) mod fsgroup_recursive_chown;
