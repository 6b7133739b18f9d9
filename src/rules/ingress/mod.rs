//! Rules about Ingresses.

pub(super) mod external_name_refused;
