//! Rules about OpenStack's volumes.

pub(super) mod rescan_misplaced;
