//! See `rules/grafana/grafana-dashboard-uid-duplicate.md`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::dashboard::{self, Dashboard, File};
use crate::repository::Repository;
use crate::rules::cluster::Cluster;
use crate::rules::{Check, Findings};
use crate::source::Span;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    // Dashboards are long: only those are read with their places that share a uid with another.
    let files: Vec<(File<'_>, String)> =
        dashboard::files(repository).into_iter().filter_map(|file| uid(file.text()).map(|uid| (file, uid))).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, uid) in &files {
        *counts.entry(uid).or_default() += 1;
    }
    let shared = files.iter().filter(|(_, uid)| counts.get(uid.as_str()).is_some_and(|count| *count > 1));
    let dashboards: Vec<Dashboard<'_>> = shared.filter_map(|(file, _)| file.read(repository)).collect();
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

/// The uid of a dashboard.
fn uid(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Head {
        uid: Option<String>,
    }
    serde_json::from_str::<Head>(text).ok()?.uid
}
