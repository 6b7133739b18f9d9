//! See `rules/image/image-registry-retired.md`.

use super::name::Name;
use super::places::each;
use super::registries::{Status, row_of};
use crate::config::Day;
use crate::finding::Severity;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, repository: &'a Repository, findings: &mut Findings<'a>) {
    each(app, findings, |place, findings| {
        let name = Name::of(&place.text);
        let Some(row) = row_of(&name.full) else { return };
        let tag = place.tag.or(name.tag);
        // Bitnami still pushes the latest developers' images; a digest may be of one of those.
        let latest = tag.is_none_or(|tag| tag == "latest");
        if name.full.starts_with("docker.io/bitnami/") && latest {
            return;
        }
        let (severity, fate) = match row.status {
            Status::Gone => (
                Severity::Error,
                format!("is not there any more{}: the pull fails, ImagePullBackOff", row.since_words()),
            ),
            Status::Ending if is_past(row.since, repository) => (
                Severity::Error,
                format!("is not there any more{}: the pull fails, ImagePullBackOff", row.since_words()),
            ),
            Status::Ending => (
                Severity::Warning,
                format!(
                    "will be gone from {} on: pods that start on another node then stay in ImagePullBackOff",
                    row.since
                ),
            ),
            Status::Frozen if !row.redirects() => (
                Severity::Warning,
                format!("gets no images{}: what it has is old, and nobody mends it", row.since_words()),
            ),
            Status::Frozen => (
                Severity::Warning,
                format!(
                    "gets no images{}. Old tags are still handed out from elsewhere, by a redirect that closed networks and \
                     allow-lists of registries do not follow",
                    row.since_words()
                ),
            ),
            Status::Moved | Status::Unmaintained | Status::Lookalike => return,
        };
        let message = format!("{} names `{}`, which {fate}", place.whose, place.text);
        let finding = findings.report(place.name_span(), message);
        finding.severity(severity).label("from a registry that was given up").help(row.advice);
        place.move_to(row, repository, finding);
    });
}

/// Whether a day has come, where the user says which day it is.
fn is_past(since: &str, repository: &Repository) -> bool {
    Day::parse(since).zip(repository.config.at).is_some_and(|(since, today)| today >= since)
}
