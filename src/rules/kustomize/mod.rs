//! Rules about kustomizations: what the build noticed, one rule for each kind of [`ProblemKind`].

pub(super) mod api_version_invalid;
pub(super) mod build_fails;
pub(super) mod chart_without_namespace;
pub(super) mod component_misplaced;
pub(super) mod empty;
pub(super) mod field_deprecated;
pub(super) mod field_unknown;
pub(super) mod file_ignored;
pub(super) mod hash_suffix_disabled;
mod layout;
pub(super) mod load_restriction;
pub(super) mod manifest_unlisted;
pub(super) mod merge_loses_element;
pub(super) mod namespace_moves_role;
pub(super) mod not_built;
pub(super) mod object_duplicate;
pub(super) mod patch_appends_element;
pub(super) mod patch_directive_ignored;
pub(super) mod patch_index_drift;
pub(super) mod patch_index_unguarded;
pub(super) mod patch_no_effect;
pub(super) mod patch_no_match;
pub(super) mod patch_path_missing;
pub(super) mod patch_replace_creates;
pub(super) mod resource_missing;
pub(super) mod transformer_no_match;

use foldhash::HashSet;

use crate::finding::Finding;
use crate::kustomize::{Problem, ProblemKind};
use crate::repository::{BuiltApp, Repository};
use crate::rules::Findings;
use crate::source::Span;

/// Reports the problems of a kind that came up when the app was built.
fn report<'a>(app: &'a BuiltApp, kind: ProblemKind, findings: &mut Findings<'a>) {
    findings.about(Some(app), None);
    for problem in app.problems.iter().filter(|problem| problem.kind == kind) {
        report_one(problem, findings);
    }
}

/// Reports the problems of a kind, but not those of a patch that is of use in another place where it is included.
/// A patch that stops a build is always reported.
fn report_unless_useful<'a>(
    repository: &'a Repository,
    kind: ProblemKind,
    useful: fn(&BuiltApp) -> &[Span],
    findings: &mut Findings<'a>,
) {
    let useful: HashSet<Span> = repository.apps.iter().flat_map(|app| useful(app).iter().copied()).collect();
    for app in &repository.apps {
        findings.about(Some(app), None);
        let of_kind = app.problems.iter().filter(|problem| problem.kind == kind);
        for problem in of_kind.filter(|problem| problem.upstream.is_some() || !useful.contains(&problem.span)) {
            report_one(problem, findings);
        }
    }
}

fn report_one<'a>(problem: &Problem, findings: &'a mut Findings<'_>) -> &'a mut Finding {
    let finding = findings.report(problem.span, problem.message.as_str());
    if let Some(severity) = problem.severity {
        finding.severity(severity);
    }
    for (span, message) in &problem.related {
        finding.related(*span, message.as_str());
    }
    if let Some(help) = &problem.help {
        finding.help(help.as_str());
    }
    finding
}
