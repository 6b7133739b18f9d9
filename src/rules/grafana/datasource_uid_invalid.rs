//! See `rules/grafana/grafana-datasource-uid-invalid.md`.

use super::about;
use super::instance::instances;
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

/// The longest uid, in characters. Source: Grafana, `pkg/util/shortid_generator.go`.
const LONGEST: usize = 40;

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    for instance in instances(repository) {
        for datasource in &instance.datasources {
            let (Some(uid), Some(span)) = (datasource.uid.text(), datasource.uid.span()) else { continue };
            let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
            let length = uid.chars().count();
            let reason = match uid.chars().find(|character| !allowed(*character)) {
                Some(' ') => "holds a blank".to_owned(),
                Some(other) => format!("holds {other:?}"),
                None if length > LONGEST => format!("has {length} characters"),
                None => continue,
            };
            let message = format!(
                "the uid of {} {reason}; Grafana takes at most {LONGEST} letters, digits, `-` and `_`, and current versions refuse \
                 to start",
                datasource.title()
            );
            let report = about(findings.report(span, message), datasource);
            report.help("choose a uid of those characters, and change the references and dashboards that use it");
        }
    }
}
