//! See `rules/secret/secret-certificate-expired.md`.

use super::certificate::{Content, places, read};
use crate::finding::Severity;
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Object(check);

fn check(object: &Object, _: &BuiltApp, repository: &Repository, findings: &mut Findings<'_>) {
    let Some(today) = repository.config.at else { return };
    let soon = findings.setting("soon").and_then(crate::yaml::Node::as_i64).and_then(|days| u64::try_from(days).ok());
    for (node, what, _) in places(object) {
        let Content::Certificates(certificates) = read(node) else { continue };
        // The first to end ends all of them.
        let Some(first) = certificates.iter().min_by_key(|certificate| certificate.until) else { continue };
        let left = first.until.days_after(today);
        let (severity, fate) = if first.until < today {
            (Severity::Error, format!("ended on {}: whoever checks it refuses the connection", first.until))
        } else if soon.is_some_and(|soon| left <= soon) {
            (Severity::Warning, format!("ends on {}, {left} days after {today}", first.until))
        } else if let Some(later) = certificates.iter().find(|certificate| certificate.from > today) {
            (
                Severity::Error,
                format!("holds from {} on only: whoever checks it before refuses the connection", later.from),
            )
        } else {
            continue;
        };
        let finding = findings.report(node.span, format!("{what} of {} {fate}", object.id));
        finding.severity(severity).help("renew it; cert-manager does so by itself, and nothing of it stands in Git");
    }
}
