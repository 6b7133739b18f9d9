//! See `rules/api/api-version-removed.md`.

use super::judge::{Authority, Case, Written, component_name, each, each_hidden, priority, served, version_of};
use crate::finding::{Finding, Severity};
use crate::kubernetes::{Definition, Lifecycle, OLDEST_SUPPORTED, Targets, Version, lifecycle};
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let judge = |case: &Case<'_>, findings: &mut Findings<'_>| match case.authority {
        Authority::Definition(definition) => by_definition(case, definition, findings),
        Authority::Table(row, releases) => by_table(case, row, releases, findings),
    };
    each(repository, findings, judge);
    each_hidden(repository, findings, judge);
}

/// Who applies a text of a ConfigMap, and where, is not known.
fn weigh(case: &Case<'_>, finding: &mut Finding) {
    if case.written == Written::InText {
        finding.severity(Severity::Warning);
    }
}

fn by_definition(case: &Case<'_>, definition: &Definition, findings: &mut Findings<'_>) {
    let own = &case.object.id.version;
    let version = version_of(definition, own);
    let served = served(definition);
    let Some(best) = served.first().filter(|_| !version.is_some_and(|version| version.served)) else { return };
    if version.is_none() && priority(best) < priority(own) {
        return;
    }
    let message = format!(
        "{} is not served: the definition in this repository offers only {}. {}",
        case.subject(),
        served.join(", "),
        case.refusal()
    );
    let finding = findings.report(case.span, message).label("not served");
    weigh(case, finding);
    match version {
        Some(version) => finding.related(version.span, "`served: false` here"),
        None => finding.related(definition.span.unwrap_or(case.span), "defined here, without this version"),
    };
    let replacement = case.with_version(best);
    let row = lifecycle(&case.api_version, &case.object.id.kind).filter(|row| row.replacement == Some(&replacement));
    case.mend(finding, &replacement, row, true);
}

fn by_table(case: &Case<'_>, row: &Lifecycle, releases: Targets, findings: &mut Findings<'_>) {
    let Some(removed) = row.removed else { return };
    let component = component_name(row.component);
    let verb = if row.is_file { "read" } else { "served" };
    let mut message = format!("{} is not {verb} since {component} {removed}", case.subject());
    let is_kubernetes = matches!(row.component, "kubernetes" | "kubeadm");
    match releases.lowest {
        Some(release) if release.version < removed => return,
        Some(_) => {}
        // Without a release, only what every supported one lacks is known to be lacking.
        None if is_kubernetes && removed <= OLDEST_SUPPORTED => {
            message.push_str(", so no supported release has it");
        }
        None => return,
    }
    message.push_str(". ");
    message.push_str(&case.refusal());
    let finding = findings.report(case.span, message).label(format!("removed in {removed}"));
    weigh(case, finding);
    match releases.lowest {
        Some(release) => {
            if let Some(span) = release.span {
                finding.related(span, format!("{component} {} here", release.version));
            }
        }
        None => {
            finding.severity(Severity::Warning);
        }
    }
    match row.replacement {
        Some(replacement) => {
            let since = lifecycle(replacement, &case.object.id.kind).and_then(|row| row.introduced);
            let version = releases.lowest.map_or(OLDEST_SUPPORTED, |release| release.version);
            let is_served = !is_kubernetes || since.unwrap_or(Version::new(1, 0)) <= version;
            case.mend(finding, replacement, Some(row), is_served);
        }
        None => {
            let instead = row.change.map(|change| format!("; {change}")).unwrap_or_default();
            finding.help(format!("remove the object: nothing takes its place under this name{instead}"));
        }
    }
}
