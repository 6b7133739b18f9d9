//! Rules about Argo Workflows.

pub(super) mod template_missing;
