//! Rules about MetalLB's addresses.

mod pools;
mod services;

pub(super) mod address_fields_conflict;
pub(super) mod address_outside_pools;
pub(super) mod pool_invalid;
