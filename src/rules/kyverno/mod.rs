//! Rules about Kyverno's policies.

pub(super) mod mutates_immutable_field;
