//! See `rules/grafana/grafana-sidecar-init-never-ends.md`.

use super::sidecar;
use crate::repository::Repository;
use crate::rules::charts::{self, Setting};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

const KINDS: [(&str, &str); 2] = [("dashboards", "initDashboards"), ("datasources", "initDatasources")];

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    for grafana in sidecar::grafanas(repository) {
        let since = grafana.values.facts.version("initContainersWatchSince");
        let known = charts::version(grafana.release).zip(since).is_some_and(|(version, since)| version >= since);
        if !known || grafana.runs != Some(true) {
            continue;
        }
        for (kind, switch) in KINDS {
            let get = |key: &str| grafana.values.get(&format!("sidecar.{kind}.{key}"));
            let switch = grafana.values.written(&format!("sidecar.{kind}.{switch}"));
            let Some(written) = switch.filter(|node| node.as_bool() == Some(true)) else { continue };
            let method = get("watchMethod");
            let (Some(true), Some(name)) = (get("enabled").bool(), method.text()) else { continue };
            // A native sidecar is an init container that the pod does not wait for.
            let native = get("restartPolicy");
            if name == "LIST" || matches!(native, Setting::Written(node) if node.as_str() == Some("Always")) {
                continue;
            }
            let message = format!(
                "the init container for {kind} runs with the method {name}, which never ends: the pod of Grafana stays in \
                 `Init` for ever"
            );
            let report = findings.report(written.span, message);
            report.apps = vec![grafana.app.app.name.clone()];
            match method.span() {
                Some(span) => report.related(span, "the method is set here"),
                None => report.label(format!("the chart's default for `sidecar.{kind}.watchMethod` is {name}")),
            };
            report.help(format!(
                "set `sidecar.{kind}.watchMethod: LIST`, or `restartPolicy: Always` to run it as a native sidecar"
            ));
        }
    }
}
