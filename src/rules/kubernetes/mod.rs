//! Rules about what Kubernetes accepts in any object.

pub(super) mod annotation_as_label;
pub(super) mod api_version_missing;
pub(super) mod cluster_domain;
pub(super) mod cron_invalid;
pub(super) mod kind_missing;
pub(super) mod name_invalid;
pub(super) mod quantity_invalid;
pub(super) mod selector_mismatch;
pub(super) mod value_not_string;

use crate::yaml::Node;

/// Whether another program fills the text in before it reaches Kubernetes: a template, a substitution, a placeholder.
fn is_template(text: &str) -> bool {
    ["{{", "${", "$(", "<", "[["].iter().any(|open| text.contains(open))
}

/// The text of a scalar that is fully written here; `None` for anything else.
fn plain_text(node: &Node) -> Option<&str> {
    node.as_text().filter(|text| !is_template(text))
}
