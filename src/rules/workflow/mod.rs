//! Rules about Argo Workflows.

mod secrets;
mod workflows;

pub(super) mod account_not_permitted;
pub(super) mod account_token_disabled;
pub(super) mod artifact_secret_missing;
pub(super) mod field_removed;
pub(super) mod parameter_missing;
pub(super) mod parameter_undefined;
pub(super) mod privileges_conflict;
pub(super) mod sso_token_missing;
pub(super) mod template_missing;
