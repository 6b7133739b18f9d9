//! Rules about webhooks that the API server asks before it admits an object.

pub(super) mod blocks_itself;
