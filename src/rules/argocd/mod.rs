//! Rules about Argo CD's declarations.

mod nearest;
mod needs;
mod notifications;
mod projects;
mod settings;
mod turn;

pub(super) mod annotation_invalid;
pub(super) mod application_namespace;
pub(super) mod default_omitted;
pub(super) mod destination_invalid;
pub(super) mod directory_contains_kustomization;
pub(super) mod field_unknown;
pub(super) mod hook_needs_later_object;
pub(super) mod ignore_differences_no_match;
pub(super) mod ignore_differences_not_respected;
pub(super) mod kustomize_helm_disabled;
pub(super) mod namespace_creation_not_permitted;
pub(super) mod notification_template_invalid;
pub(super) mod notification_text_unescaped;
pub(super) mod object_too_large;
pub(super) mod path_empty;
pub(super) mod path_missing;
pub(super) mod project_destination_not_permitted;
pub(super) mod project_group_mismatch;
pub(super) mod project_invalid;
pub(super) mod project_kind_not_permitted;
pub(super) mod project_scope_mismatch;
pub(super) mod project_source_not_permitted;
pub(super) mod project_undefined;
pub(super) mod render_not_repeatable;
pub(super) mod source_without_repository;
pub(super) mod sync_option_unknown;
pub(super) mod template_invalid;
pub(super) mod values_file_missing;
pub(super) mod wave_claim_deadlock;
pub(super) mod wave_deadlock;

pub(crate) use self::settings::settings;
