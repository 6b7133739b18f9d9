//! Rules about Prometheus and what it scrapes and records.

mod labels;

pub(super) mod external_label_in_query;
pub(super) mod label_partial_coverage;
pub(super) mod monitor_namespace_unknown;
pub(super) mod monitor_not_selected;
pub(super) mod monitor_port_missing;
pub(super) mod monitor_selector_no_match;
mod monitors;
pub(super) mod multicluster_dashboard_empty;
pub(super) mod recording_rule_label_mismatch;
pub(super) mod retention_exceeds_volume;
mod selected;
