//! Rules about PodDisruptionBudgets.

pub(super) mod blocks_drain;
