//! See `rules/yaml/yaml-duplicate-key.md`.

use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::SourceFile;
use crate::yaml::{ProblemKind, Stream};

pub(crate) const CHECK: Check = Check::File(check);

fn check(_: &SourceFile, stream: &Stream, _: &Repository, findings: &mut Findings<'_>) {
    for problem in &stream.problems {
        let ProblemKind::DuplicateKey { key, first, lost } = &problem.kind else { continue };
        let message = match lost.as_slice() {
            [] => format!("the key `{key}` stands twice; the second one silently wins"),
            lost => {
                format!("the key `{key}` stands twice; the second one silently wins, and {} is lost", lost.join(", "))
            }
        };
        findings
            .report(problem.span, message)
            .label("this one counts")
            .related(*first, "this one is ignored")
            .help("merge both into one, or remove the one that is not meant");
    }
}
