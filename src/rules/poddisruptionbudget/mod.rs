//! Rules about PodDisruptionBudgets.

mod budgets;

pub(super) mod blocks_drain;
pub(super) mod breaks_majority;
pub(super) mod selector_no_match;
pub(super) mod selects_everything;
