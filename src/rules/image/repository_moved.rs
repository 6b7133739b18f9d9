//! See `rules/image/image-repository-moved.md`.

use super::name::Name;
use super::places::each;
use super::registries::{Status, row_of};
use crate::finding::Severity;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, _: &'a Repository, findings: &mut Findings<'a>) {
    each(app, findings, |place, findings| {
        let Some(row) = row_of(&Name::of(&place.text).full) else { return };
        let (severity, fate) = match row.status {
            Status::Moved => (Severity::Warning, "gets no new releases"),
            Status::Unmaintained => (Severity::Info, "is no longer maintained"),
            _ => return,
        };
        let message = format!(
            "{} names `{}`, which {fate}{}: it is pulled today and never mended",
            place.whose,
            place.text,
            row.since_words()
        );
        findings.report(place.name_span(), message).severity(severity).help(row.advice);
    });
}
