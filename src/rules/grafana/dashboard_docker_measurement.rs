//! See `rules/grafana/grafana-dashboard-docker-measurement.md`.

use super::dashboard;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// Names that only a collector of Docker's containers writes: telegraf's plugin, and cAdvisor's labels of that time.
const OF_DOCKER: [&str; 2] = ["docker_container_", "container_label_io_kubernetes_"];

/// Places that are named beside the first.
const MOST_PLACES: usize = 4;

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    for dashboard in dashboard::all(repository, |text| OF_DOCKER.iter().any(|name| text.contains(name))) {
        let mut found: Vec<&Node> = Vec::new();
        let mut open = vec![&dashboard.root];
        while let Some(node) = open.pop() {
            for field in ["measurement", "query", "rawQuery", "expr", "definition"] {
                let asked = node
                    .get(field)
                    .filter(|text| text.as_str().is_some_and(|text| OF_DOCKER.iter().any(|name| text.contains(name))));
                found.extend(asked);
            }
            open.extend(node.items());
            open.extend(node.entries().iter().map(|entry| &entry.value));
        }
        found.sort_by_key(|node| node.span);
        let Some((first, rest)) = found.split_first() else { continue };
        let message = format!(
            "the dashboard `{}` asks for what only Docker's containers have. Since Kubernetes 1.24 nodes run containers \
             without Docker, and the panels are empty",
            dashboard.file
        );
        let finding = findings.report(first.span, message);
        finding.apps = vec![dashboard.app.app.name.clone()];
        finding.object = dashboard.object.map(|object| object.id.to_string());
        finding.label("nothing writes this");
        for other in rest.iter().take(MOST_PLACES) {
            finding.related(other.span, "and this");
        }
        finding.help(
            "ask for `kubernetes_pod_container` with the tags `namespace`, `pod_name` and `container_name`; `cpu_usage_nanocores` \
             / 1e7 is what `usage_percent` was",
        );
    }
}
