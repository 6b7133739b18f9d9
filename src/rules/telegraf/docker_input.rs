//! See `rules/telegraf/telegraf-docker-input.md`.

use toml_edit::Item;

use super::configuration::all;
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    for configuration in all(repository) {
        findings.about(Some(configuration.app), Some(configuration.object));
        for table in configuration.inputs("docker") {
            let endpoint = table.get("endpoint").and_then(Item::as_str).unwrap_or("unix:///var/run/docker.sock");
            if !endpoint.starts_with("unix://") {
                continue;
            }
            let message = format!(
                "telegraf asks Docker at {endpoint}. Since Kubernetes 1.24 nodes run containers without it: the plugin only \
                 logs errors, and every dashboard on `docker_container_…` is empty"
            );
            let finding = findings.report(configuration.place(table, None, repository), message);
            finding.label("nodes have no Docker");
            finding.help(
                "collect with `[[inputs.kubernetes]]`, whose measurements are `kubernetes_pod_container` and the like",
            );
        }
    }
}
