//! See `rules/api/api-version-not-yet-served.md`.

use super::judge::{Authority, Case, each, priority, served, version_of};
use crate::kubernetes::{Definition, Lifecycle, Targets, served_version};
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    each(repository, findings, |case, findings| match case.authority {
        Authority::Definition(definition) => by_definition(case, definition, findings),
        Authority::Table(row, releases) => by_table(case, row, releases, findings),
    });
}

fn by_definition(case: &Case<'_>, definition: &Definition, findings: &mut Findings<'_>) {
    let own = &case.object.id.version;
    let served = served(definition);
    let Some(best) = served.first() else { return };
    if version_of(definition, own).is_some() || priority(best) >= priority(own) {
        return;
    }
    let message = format!(
        "{} is not served: the definition in this repository is older and offers only {}. {}",
        case.subject(),
        served.join(", "),
        case.refusal()
    );
    let finding = findings.report(case.span, message).label("not served yet");
    finding.related(definition.span.unwrap_or(case.span), "defined here, without this version");
    finding.help(format!("update the definition to a release that has {own}, or write {}", case.with_version(best)));
}

fn by_table(case: &Case<'_>, row: &Lifecycle, releases: Targets, findings: &mut Findings<'_>) {
    let (Some(introduced), Some(release)) = (row.introduced, releases.highest) else { return };
    if release.version >= introduced {
        return;
    }
    let program = if row.component == "kubeadm" { "kubeadm" } else { "Kubernetes" };
    let verb = if row.is_file { "read" } else { "served" };
    let message = format!("{} is not {verb} before {program} {introduced}. {}", case.subject(), case.refusal());
    let finding = findings.report(case.span, message).label(format!("new in {introduced}"));
    if let Some(span) = release.span {
        finding.related(span, format!("{program} {} here", release.version));
    }
    let older = served_version(&case.object.id.group, &case.object.id.kind, release.version);
    finding.help(match older {
        Some(older) => format!("write {older}, or upgrade to {program} {introduced} first"),
        None => format!("upgrade to {program} {introduced} first"),
    });
}
