//! Rules about the text itself.

pub(super) mod duplicate_key;
