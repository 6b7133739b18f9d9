//! Rules about External Secrets.

pub(super) mod key_format;
