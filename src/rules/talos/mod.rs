//! Rules about Talos Linux and its system extensions.

mod extensions;

pub(super) mod extension_missing;
pub(super) mod extension_not_pinned;
