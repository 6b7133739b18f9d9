//! Rules about Argo Events.

pub(super) mod events_event_bus_missing;
pub(super) mod events_script_type_error;
pub(super) mod events_sensor_not_permitted;
pub(super) mod events_webhook_without_service;
