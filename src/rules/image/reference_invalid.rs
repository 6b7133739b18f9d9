//! See `rules/image/image-reference-invalid.md`.

use super::name::fault;
use super::places::each;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, _: &'a Repository, findings: &mut Findings<'a>) {
    each(app, findings, |place, findings| {
        // What is to be replaced is another rule's matter; what a template printed for an empty value is not.
        let printed = ["<nil>", "<no value>"].iter().any(|empty| place.text.contains(empty));
        if !place.is_container || place.text.contains('<') && !printed {
            return;
        }
        if let Some(fault) = fault(&place.text) {
            let message = format!(
                "{} names `{}`, which is no image: {fault}. The pod stays in InvalidImageName",
                place.whose, place.text
            );
            findings
                .report(place.node.span, message)
                .help("write `registry/path/name:tag` or `registry/path/name@sha256:…`");
        }
    });
}
