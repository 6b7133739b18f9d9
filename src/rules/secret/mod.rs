//! Rules about Secrets.

mod certificate;

pub(super) mod certificate_expired;
pub(super) mod certificate_invalid;
pub(super) mod key_missing;
pub(super) mod missing;
pub(super) mod type_invalid;
pub(super) mod value_encoding;
