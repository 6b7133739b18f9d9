//! See `rules/grafana/grafana-datasource-uid-duplicate.md`.

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
            let Some(uid) = datasource.uid.text() else { continue };
            let Some(first) = known.get(&(datasource.organisation, uid)) else {
                known.insert((datasource.organisation, uid), datasource);
                continue;
            };
            // Equal names are one datasource that is written twice: grafana-datasource-name-duplicate's.
            if first.name.text() == datasource.name.text() {
                continue;
            }
            let (one, other) = (first.title(), datasource.title());
            let message = if instance.operator {
                format!(
                    "{one} and {other} both have the uid `{uid}`; the operator lets them overwrite each other in one \
                     datasource of Grafana"
                )
            } else {
                format!(
                    "{one} and {other} both have the uid `{uid}`; Grafana stops while provisioning with `data source \
                     with the same uid already exists`"
                )
            };
            let place = datasource.uid.span().unwrap_or(datasource.place);
            let report = about(findings.report(place, message), datasource);
            match &first.chart {
                Some(chart) => report.related(first.place, format!("{chart} makes {one} by itself")),
                None => report.related(first.uid.span().unwrap_or(first.place), format!("{one} has it first")),
            };
            report.help("give one of them another uid, and change the references and dashboards that mean it");
        }
    }
}
