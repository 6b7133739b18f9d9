//! See `rules/prometheus/prometheus-monitor-selector-no-match.md`.

use foldhash::HashSet;

use super::monitors::{monitors, services};
use crate::kubernetes::network_policy::Test;
use crate::repository::{Cluster, Repository};
use crate::rules::selection::{self, Missed, Pods, Selecting, Sight, Target};
use crate::rules::{Check, Findings};
use crate::source::Span;
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
        elsewhere(repository, of_services, &services, &pods, findings);
    }
    for missed in selection::missed(&of_pods, &pods.targets, seen) {
        report(repository, &missed, "pod", findings);
    }
}

/// Monitors that look in their own namespace only, while just the Services that they ask for are in another one.
fn elsewhere<'a>(
    repository: &'a Repository,
    monitors: Vec<Selecting<'a>>,
    services: &[Target<'a>],
    pods: &Pods<'a>,
    findings: &mut Findings<'a>,
) {
    let found: HashSet<Span> = selection::taken(&monitors, services)
        .into_iter()
        .flat_map(|(_, targets)| targets)
        .map(|target| target.object.name_span())
        .collect();
    let own_only = |monitor: &Selecting<'_>| monitor.object.root.at(&["spec", "namespaceSelector"]).is_none();
    let wide: Vec<Selecting<'_>> =
        monitors.into_iter().filter(own_only).map(|monitor| Selecting { namespaces: Vec::new(), ..monitor }).collect();
    for (monitor, targets) in selection::taken(&wide, services) {
        let Some(app) = repository.apps.get(monitor.app) else { continue };
        let home = repository.home_of(app, monitor.object);
        if home.is_empty() {
            continue;
        }
        let Some(target) = targets.first() else { continue };
        let is_apart =
            |target: &Target<'_>| repository.apps.get(target.app).is_some_and(|other| Cluster::are_apart(app, other));
        let are_elsewhere = targets.iter().all(|other| other.namespace == target.namespace && !is_apart(other));
        let taken = targets.iter().any(|target| found.contains(&target.object.name_span()));
        let here = Selecting { namespaces: vec![home], query: monitor.query.clone(), ..*monitor };
        if !are_elsewhere
            || taken
            || [home, ""].contains(&target.namespace)
            || pods.seen(&here, &target.object.id.name) == Sight::Unknown
        {
            continue;
        }
        findings.about(repository.apps.get(monitor.app), Some(monitor.object));
        let message = format!(
            "{} looks for Services with `{}` in its own namespace, and those are in `{}`: it finds no target, and nothing is \
             scraped",
            monitor.object.id, monitor.query, target.namespace
        );
        let selector = monitor.object.root.at(&["spec", "selector"]).map_or(monitor.object.name_span(), |it| it.span);
        let place = monitor.query.requirements.first().map_or(selector, |requirement| requirement.span);
        let finding = findings.report(place, message);
        finding.label(format!("in `{home}` only")).related(target.object.name_span(), format!("{}", target.object.id));
        finding.help(format!("add `namespaceSelector: {{matchNames: [{}]}}` to its `spec`", target.namespace));
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
