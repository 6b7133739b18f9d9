//! See `rules/grafana/grafana-datasource-uid-undefined.md`.

use std::collections::BTreeSet;

use super::about;
use super::datasources::{Datasource, Reference};
use super::instance::{Instance, instances};
use crate::finding::{Edit, Severity, nearest};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Style;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    let instances = instances(repository);
    // Which Grafana reads a file is not always clear, so a uid that any of them defines is not called undefined.
    let defined: BTreeSet<&str> = instances
        .iter()
        .flat_map(|instance| &instance.datasources)
        .filter_map(|datasource| datasource.uid.text())
        .collect();
    for instance in &instances {
        for datasource in &instance.datasources {
            for reference in datasource.references.iter().filter(|reference| !reference.correlation) {
                let uid = reference.uid.as_str();
                if defined.contains(uid) || repository.config.is_external("GrafanaDatasource", "", uid) {
                    continue;
                }
                let named = |other: &&Datasource| other.name.text().is_some_and(|name| name.eq_ignore_ascii_case(uid));
                match instance.datasources.iter().find(named) {
                    Some(target) => name_for_uid(datasource, reference, target, instance, findings),
                    None if instance.knows_every_uid() => undefined(datasource, reference, instance, findings),
                    None => {}
                }
            }
        }
    }
}

/// The reference holds a name where Grafana wants a uid.
fn name_for_uid(
    datasource: &Datasource,
    reference: &Reference,
    target: &Datasource,
    instance: &Instance,
    findings: &mut Findings<'_>,
) {
    let name = target.title();
    let Some(uid) = target.uid.text() else {
        // Without a written uid Grafana makes one up; who knows a uid from elsewhere can't be told wrong.
        if matches!(target.uid, super::datasources::Field::Unknown) {
            return;
        }
        let message = format!(
            "`{}` is the name of a datasource, but the field takes a uid, and {name} has none of its own: Grafana makes \
             one up and the link leads nowhere",
            reference.uid
        );
        let report = about(findings.report(reference.node.span, message), datasource);
        report.related(target.place, format!("{name} has no `uid`"));
        report.help(format!("give {name} a `uid` and write that here")).severity(severity(instance));
        return;
    };
    let message = format!(
        "`{}` is the name of a datasource, but the field takes a uid; the link of {} leads nowhere",
        reference.uid,
        datasource.title()
    );
    let report = about(findings.report(reference.node.span, message), datasource);
    report.related(target.uid.span().unwrap_or(target.place), format!("the uid of {name} is `{uid}`"));
    report.help(format!("write `{uid}`")).severity(severity(instance));
    if matches!(reference.node.style, Style::Plain | Style::SingleQuoted | Style::DoubleQuoted) && is_plain(uid) {
        report.fix(format!("write `{uid}`"), vec![Edit { span: reference.node.span, text: uid.to_owned() }]);
    }
}

fn undefined(datasource: &Datasource, reference: &Reference, instance: &Instance, findings: &mut Findings<'_>) {
    let uid = reference.uid.as_str();
    let reason = instance.open.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let message = format!(
        "no datasource has the uid `{uid}` that {} refers to; the link shows `data source not found`{reason}",
        datasource.title()
    );
    let uids = || instance.datasources.iter().filter_map(|other| other.uid.text().map(|uid| (uid, other)));
    let near = nearest(uid, uids().map(|(uid, _)| uid));
    let report = about(findings.report(reference.node.span, message), datasource).severity(severity(instance));
    report.label(format!("in `{}`", reference.field));
    match near.and_then(|near| uids().find(|(uid, _)| *uid == near)) {
        Some((near, other)) => {
            report.related(other.uid.span().unwrap_or(other.place), format!("`{near}` is defined here"));
            report.help(format!("did you mean `{near}`?"));
        }
        None => {
            report.help("define a datasource with this uid, or name one that exists");
        }
    }
}

/// Only where nothing can bring further datasources it is certain that the reference fails.
fn severity(instance: &Instance) -> Severity {
    if instance.open.is_none() && instance.declared { Severity::Error } else { Severity::Warning }
}

/// Whether a uid can be written without quotes and stays a string.
fn is_plain(uid: &str) -> bool {
    let letters = uid.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    letters && uid.starts_with(|first: char| first.is_ascii_alphabetic()) && {
        matches!(crate::yaml::resolve_plain(uid), crate::yaml::Scalar::String(_))
    }
}
