//! Rules about telegraf: its configuration in ConfigMaps, and what it asks of the cluster.

mod configuration;

pub(super) mod docker_input;
pub(super) mod permission_missing;
pub(super) mod read_only_port;
