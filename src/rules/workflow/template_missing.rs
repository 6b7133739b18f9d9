//! See `rules/workflow/workflow-template-missing.md`.

use crate::repository::Repository;
use crate::rules::{Check, Findings, references};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    references::missing(repository, findings, |broken| {
        matches!(broken.kind.as_str(), "WorkflowTemplate" | "ClusterWorkflowTemplate")
    });
    references::part_missing(repository, findings, |broken| {
        matches!(broken.kind.as_str(), "WorkflowTemplate" | "ClusterWorkflowTemplate")
    });
}
