//! See `rules/grafana/grafana-dashboard-uid-duplicate.md`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::dashboard::{self, File};
use crate::repository::Cluster;
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    let mut by_uid: BTreeMap<(Cluster, String), Vec<File<'_>>> = BTreeMap::new();
    // Which Grafana gets a dashboard of a chart's values is another question.
    for file in dashboard::loaded(repository).into_iter().filter(|file| file.object.is_some()) {
        let Some(uid) = uid(file.text()).filter(|uid| !uid.is_empty()) else { continue };
        let files = by_uid.entry((Cluster::of(file.app), uid)).or_default();
        if !files.first().is_some_and(|first| first.is_same(&file)) {
            files.push(file);
        }
    }
    for ((_, uid), files) in by_uid.iter().filter(|(_, files)| files.len() > 1) {
        // Dashboards are long: none is kept once its uid is found.
        let place = |file: &File<'_>| Some(file.read(repository)?.root.get("uid")?.span);
        let mut places = files.iter().filter_map(|file| Some((file, place(file)?)));
        let Some((first, first_place)) = places.next() else { continue };
        for (file, place) in places.filter(|(_, place)| *place != first_place) {
            let id = |file: &File<'_>| file.object.map(|object| object.id.to_string());
            let message = format!(
                "the dashboards {} of {} and {} of {} have one uid, `{uid}`: Grafana writes \"dashboard uid is not unique\" \
                 and no longer updates any dashboard from its files",
                first.name,
                id(first).unwrap_or_default(),
                file.name,
                id(file).unwrap_or_default()
            );
            let report = findings.report(place, message);
            report.apps = vec![file.app.app.name.clone()];
            report.object = id(file);
            report.related(first_place, format!("{} has it first", first.name)).help("give one of them another uid");
        }
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
