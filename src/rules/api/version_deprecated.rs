//! See `rules/api/api-version-deprecated.md`.

use super::judge::{Authority, Case, component_name, each, served, version_of};
use crate::finding::Severity;
use crate::kubernetes::{Definition, Lifecycle, OLDEST_SUPPORTED, Targets, lifecycle};
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

/// Kubernetes brings three minor releases a year; what goes later than these is no matter of the next upgrade.
const NEAR: i32 = 3;

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    each(repository, findings, |case, findings| match case.authority {
        Authority::Definition(definition) => by_definition(case, definition, findings),
        Authority::Table(row, releases) => by_table(case, row, releases, findings),
    });
}

fn by_definition(case: &Case<'_>, definition: &Definition, findings: &mut Findings<'_>) {
    let Some(version) = version_of(definition, &case.object.id.version) else { return };
    if !version.served || !version.deprecated {
        return;
    }
    let message = format!("{} is deprecated by its definition in this repository", case.subject());
    let finding = findings.report(case.span, message).severity(Severity::Info);
    finding.label("deprecated").related(version.span, "`deprecated: true` here");
    let better = served(definition).first().copied().filter(|best| *best != case.object.id.version);
    if let Some(best) = better {
        let replacement = case.with_version(best);
        let row =
            lifecycle(&case.api_version, &case.object.id.kind).filter(|row| row.replacement == Some(&replacement));
        case.mend(finding, &replacement, row, true);
    }
}

fn by_table(case: &Case<'_>, row: &Lifecycle, releases: Targets, findings: &mut Findings<'_>) {
    let Some(deprecated) = row.deprecated else { return };
    let is_kubernetes = matches!(row.component, "kubernetes" | "kubeadm");
    let known = releases.lowest.map(|release| release.version);
    let Some(version) = known.or_else(|| is_kubernetes.then_some(OLDEST_SUPPORTED)) else { return };
    if version < deprecated || row.removed.is_some_and(|removed| version >= removed) {
        return;
    }
    let component = component_name(row.component);
    let ahead = row.removed.and_then(|removed| removed.minors_ahead_of(version));
    let mut message = format!("{} is deprecated since {component} {deprecated}", case.subject());
    match (row.removed, ahead) {
        (Some(removed), Some(1)) if known.is_some() => {
            message.push_str(&format!(" and gone in {removed}, the next release after your {version}"));
        }
        (Some(removed), Some(ahead)) if known.is_some() => {
            message.push_str(&format!(" and gone in {removed}, {ahead} releases after your {version}"));
        }
        (Some(removed), _) => message.push_str(&format!(" and gone in {removed}")),
        (None, _) => {}
    }
    let finding = findings.report(case.span, message).label("deprecated");
    if known.is_none() || ahead.is_none_or(|ahead| ahead > NEAR) {
        finding.severity(Severity::Info);
    }
    if let Some(span) = releases.lowest.and_then(|release| release.span) {
        finding.related(span, format!("{component} {version} here"));
    }
    match row.replacement {
        Some(replacement) => {
            let since = lifecycle(replacement, &case.object.id.kind).and_then(|row| row.introduced);
            let is_served = is_kubernetes && since.is_none_or(|since| since <= version);
            if is_served || !is_kubernetes {
                case.mend(finding, replacement, Some(row), is_served);
            } else if let Some(since) = since {
                finding.help(format!("move to {replacement} once the cluster runs {component} {since}"));
            }
        }
        None => {
            if let Some(change) = row.change {
                finding.help(change);
            }
        }
    }
}
