//! See `rules/grafana/grafana-datasource-name-duplicate.md`.

use foldhash::{HashMap, HashMapExt};

use super::about;
use super::datasources::Datasource;
use super::instance::instances;
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    for instance in instances(repository) {
        let mut known: HashMap<(i64, &str), &Datasource> = HashMap::new();
        for datasource in &instance.datasources {
            let Some(name) = datasource.name.text() else { continue };
            let Some(first) = known.get(&(datasource.organisation, name)) else {
                known.insert((datasource.organisation, name), datasource);
                continue;
            };
            let message = if instance.operator {
                format!(
                    "two datasources are called {name}; Grafana's API refuses the second one, which then is never created"
                )
            } else {
                format!(
                    "two datasources are called {name}; provisioning finds them by name, so this entry silently \
                     overwrites the first"
                )
            };
            let report = about(findings.report(datasource.place, message), datasource);
            match &first.chart {
                Some(chart) => report.related(first.place, format!("{chart} makes one of this name by itself")),
                None => report.related(first.place, "the first one"),
            };
            report.help("give one of them another name, or remove the entry that is not meant");
        }
    }
}
