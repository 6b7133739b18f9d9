//! See `rules/prometheus/prometheus-monitor-selector-no-match.md`.

use super::monitors::{monitors, services};
use crate::kubernetes::network_policy::Test;
use crate::repository::Repository;
use crate::rules::selection::{self, Missed, Pods, Selecting};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let of_services = monitors(repository, "ServiceMonitor");
    let of_pods = monitors(repository, "PodMonitor");
    if of_services.is_empty() && of_pods.is_empty() {
        return;
    }
    let pods = Pods::of(repository);
    let seen = |by: &Selecting<'_>, wanted: &str| pods.seen(by, wanted);
    if !of_services.is_empty() {
        let services = services(repository);
        for missed in selection::missed(&of_services, &services, seen) {
            report(repository, &missed, "Service", findings);
        }
    }
    for missed in selection::missed(&of_pods, &pods.targets, seen) {
        report(repository, &missed, "pod", findings);
    }
}

fn report<'a>(repository: &'a Repository, missed: &Missed<'_, 'a>, what: &str, findings: &mut Findings<'a>) {
    findings.about(repository.apps.get(missed.by.app), Some(missed.by.object));
    let message = format!(
        "{} looks for {what}s with `{}`, and no {what} {}has that: it finds no target, and nothing is scraped",
        missed.by.object.id,
        missed.by.query,
        missed.place(),
    );
    // A Service hands its selector's labels to nobody: they have to be its own, too.
    let selector = missed.target.object.root.at(&["spec", "selector"]);
    let Test::In(values) = &missed.requirement.test else { return };
    let sends = selector.and_then(|selector| selector.get(&missed.requirement.key)).and_then(Node::as_text);
    let mistaken = what == "Service" && sends.is_some() && sends == values.first().map(|value| value.as_str());
    let has = missed.has();
    let key = &missed.requirement.key;
    let finding = findings.report(missed.requirement.span, message);
    finding.label(format!("no such {what}")).related(missed.target.span, has);
    finding.help(match mistaken {
        true => format!(
            "{} selects pods with `{key}`, but has no such label itself: give it that in `metadata.labels`",
            missed.target.object.id
        ),
        false => missed.help(),
    });
}
