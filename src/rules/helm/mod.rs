//! Rules about charts, where they come from, and the values they get.

mod schema;

pub(super) mod chart_kubernetes_version;
pub(super) mod chart_metadata_invalid;
pub(super) mod repository_retired;
pub(super) mod template_invalid;
pub(super) mod values_blank_key;
pub(super) mod values_dedented;
pub(super) mod values_key_misspelt;
pub(super) mod values_key_unread;
pub(super) mod values_path_missing;
pub(super) mod values_schema_violated;

/// Values nest no deeper than this in practice; it bounds the way down.
const DEEPEST: usize = 40;
