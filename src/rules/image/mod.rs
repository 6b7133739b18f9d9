//! Rules about container images: what they are called, and where they come from.

mod fields;
mod name;
mod places;
mod registries;

pub(super) mod node_registry_retired;
pub(super) mod reference_invalid;
pub(super) mod registry_lookalike;
pub(super) mod registry_retired;
pub(super) mod repository_moved;
