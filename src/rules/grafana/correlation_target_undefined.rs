//! See `rules/grafana/grafana-correlation-target-undefined.md`.

use super::about;
use super::instance::instances;
use crate::finding::{Severity, nearest};
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    for instance in instances(repository) {
        // The operator's API has no correlations, and an unknown uid could be the target.
        if instance.operator || !instance.knows_every_uid() {
            continue;
        }
        for datasource in &instance.datasources {
            for reference in datasource.references.iter().filter(|reference| reference.correlation) {
                let uid = reference.uid.as_str();
                if instance.with_uid(uid).is_some() || repository.config.is_external("GrafanaDatasource", "", uid) {
                    continue;
                }
                let reason = instance.open.map(|reason| format!(" ({reason})")).unwrap_or_default();
                let message = format!(
                    "no datasource has the uid `{uid}` that a correlation of {} leads to; Grafana looks it up when it \
                     provisions and does not start{reason}",
                    datasource.title()
                );
                let report = about(findings.report(reference.node.span, message), datasource);
                let uids = instance.datasources.iter().filter_map(|other| other.uid.text());
                match nearest(uid, uids).and_then(|near| Some((near, instance.with_uid(near)?))) {
                    Some((near, at)) => {
                        report.help(format!("did you mean `{near}`?"));
                        if let Some(place) = instance.place(at) {
                            report.related(place, format!("`{near}` is defined here"));
                        }
                    }
                    None => {
                        report.help("define a datasource with this uid, or remove the correlation");
                    }
                }
                if instance.open.is_some() || !instance.declared {
                    report.severity(Severity::Warning);
                }
            }
        }
    }
}
