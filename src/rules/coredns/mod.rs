//! Rules about CoreDNS.

pub(super) mod rewrite_invalid;
