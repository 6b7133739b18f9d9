//! Rules about MetalLB's addresses.

mod pools;

pub(super) mod address_outside_pools;
pub(super) mod pool_invalid;
