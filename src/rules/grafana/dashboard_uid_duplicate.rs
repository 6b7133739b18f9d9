//! See `rules/grafana/grafana-dashboard-uid-duplicate.md`.

use std::collections::BTreeMap;

use super::dashboard::{self, Dashboard};
use crate::repository::Repository;
use crate::rules::cluster::Cluster;
use crate::rules::{Check, Findings};
use crate::source::Span;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    let dashboards = dashboard::all(repository, |text| text.contains("\"uid\""));
    let mut known: BTreeMap<(Cluster, String), (&Dashboard<'_>, Span)> = BTreeMap::new();
    for dashboard in &dashboards {
        let Some((uid, span)) = dashboard.root.get("uid").and_then(|node| Some((node.as_text()?, node.span))) else {
            continue;
        };
        if uid.is_empty() {
            continue;
        }
        let (first, place) = *known.entry((Cluster::of(dashboard.app), uid.to_owned())).or_insert((dashboard, span));
        // One ConfigMap that two apps bring is one dashboard, and so is one file in two.
        if first.object.id == dashboard.object.id && first.file == dashboard.file || place == span {
            continue;
        }
        let message = format!(
            "the dashboards {} and {} have one uid, `{uid}`: Grafana writes \"dashboard uid is not unique\" and no longer updates \
             any dashboard from its files",
            first.file, dashboard.file
        );
        let report = findings.report(span, message);
        report.apps = vec![dashboard.app.app.name.clone()];
        report.object = Some(dashboard.object.id.to_string());
        report.related(place, format!("{} has it first", first.file)).help("give one of them another uid");
    }
}
