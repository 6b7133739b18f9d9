//! Rules about Grafana and what it is provisioned with.

pub(super) mod dashboard;
mod datasources;
mod expand;
mod graph;
mod instance;
mod sidecar;

pub(super) mod correlation_target_undefined;
pub(super) mod datasource_cycle;
pub(super) mod datasource_dollar_unescaped;
pub(super) mod datasource_forward_reference;
pub(super) mod datasource_influxdb_login;
pub(super) mod datasource_multiple_defaults;
pub(super) mod datasource_name_duplicate;
pub(super) mod datasource_uid_changed;
pub(super) mod datasource_uid_duplicate;
pub(super) mod datasource_uid_invalid;
pub(super) mod datasource_uid_undefined;
pub(super) mod dashboard_datasource_undefined;
pub(super) mod dashboard_docker_measurement;
pub(super) mod dashboard_uid_duplicate;
pub(super) mod datasource_template_broken;
pub(super) mod datasource_type_mismatch;
pub(super) mod dashboard_unresolved_input;
pub(super) mod loki_variable_matches_empty;
pub(super) mod sidecar_init_never_ends;
pub(super) mod sidecar_configmap_not_selected;

use crate::finding::Finding;
use datasources::Datasource;

/// Says which app and object a finding is about.
fn about<'a>(finding: &'a mut Finding, datasource: &Datasource) -> &'a mut Finding {
    finding.apps = vec![datasource.app.clone()];
    finding.object = datasource.object.clone();
    finding
}
