//! Rules about the text itself.
//!
//! The parser reports what it meets in a file; each rule here speaks of some kinds of it, where somebody deploys from the
//! file, and says what Helm, kustomize or the cluster makes of it.

mod consumer;
pub(super) mod alias;
pub(super) mod duplicate_key;
pub(super) mod file_unreadable;
pub(super) mod syntax;
