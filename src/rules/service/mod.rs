//! Rules about Services.

pub(super) mod missing;
pub(super) mod port_missing;
pub(super) mod selector_no_match;
pub(super) mod target_port_missing;
pub(super) mod dns_answer_truncated;
