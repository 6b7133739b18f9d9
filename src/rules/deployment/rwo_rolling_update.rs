//! See `rules/deployment/deployment-rwo-rolling-update.md`.

use crate::finding::Severity;
use crate::helm::Release;
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::charts::{Setting, Values};
use crate::rules::claims::{self, Claim, Tie};
use crate::rules::persistentvolumeclaim::not_shareable;
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, repository: &'a Repository, findings: &mut Findings<'a>) {
    let claims = Claim::of(app);
    let mut told: Option<*const Object> = None;
    for claim in claims.iter().filter(|claim| claim.consumer.id.is("apps", "Deployment")) {
        // The claims of one object follow each other; more of them are no more mistakes.
        let consumer = std::ptr::from_ref(claim.consumer);
        findings.about(Some(app), Some(claim.consumer));
        // Where more pods than one are wanted, how they follow each other is the smaller matter.
        let several = not_shareable::of_pods(claim, app, repository).is_some();
        if told != Some(consumer) && !several && of_claim(claim, repository, findings) {
            told = Some(consumer);
        }
    }
    findings.about(Some(app), None);
    for release in &app.releases {
        of_chart(release, app, repository, findings);
    }
}

/// Whether there was something to tell.
fn of_claim(claim: &Claim<'_>, repository: &Repository, findings: &mut Findings<'_>) -> bool {
    let Some(spec) = claim.consumer.root.get("spec") else { return false };
    let strategy = spec.get("strategy").filter(|strategy| !strategy.is_null());
    let kind = strategy.and_then(|strategy| strategy.get("type")).filter(|kind| !kind.is_null());
    let rolls = kind.is_none_or(|kind| kind.as_str() == Some("RollingUpdate"));
    let surge = strategy.and_then(|strategy| strategy.at(&["rollingUpdate", "maxSurge"]));
    let no_surge = surge.is_some_and(|surge| matches!(surge.as_text(), Some("0" | "0%")) || surge.is_unknown());
    let strategy_is_odd = strategy.is_some_and(|strategy| strategy.as_mapping().is_none());
    if !rolls || no_surge || strategy_is_odd || claim.replicas().is_none_or(|replicas| replicas < 1) {
        return false;
    }
    let alone = claim.has_mode("ReadWriteOncePod");
    let shared = claim.has_mode("ReadWriteMany") || claim.has_mode("ReadOnlyMany");
    if shared || !alone && !claim.has_mode("ReadWriteOnce") {
        return false;
    }
    let stays =
        matches!(claims::tie(claim.scheduling), Tie::Hosts(1) | Tie::Unknown) || claim.is_never_attached(repository);
    if stays && !alone {
        return false;
    }
    let object = &claim.consumer.id;
    let place = kind.map_or(claim.mounted, |kind| kind.span);
    let message = if alone {
        format!(
            "{object} starts its new pod before it ends the old one, but the volume admits one pod only: the new pod stays \
             Pending, the old one stays, and the rollout never ends"
        )
    } else {
        format!(
            "{object} starts its new pod before it ends the old one, but both want a volume that one node at a time can \
             attach: on another node the new pod stays in ContainerCreating, \"Multi-Attach error\", and the rollout never \
             ends; on the same node both write to it at once"
        )
    };
    let finding = findings.report(place, message);
    if alone {
        finding.severity(Severity::Error);
    }
    finding.related(claim.place, "the claim is written here").help(match kind {
        Some(_) => "write `type: Recreate`, and remove `rollingUpdate`",
        None => "write `strategy: {type: Recreate}` in the Deployment's `spec`",
    });
    true
}

/// Deployments that a known chart makes.
fn of_chart(release: &Release, app: &BuiltApp, repository: &Repository, findings: &mut Findings<'_>) {
    let Some(values) = Values::of(release) else { return };
    let own = values.facts.list("rollingUpdates").iter().map(|fact| (values, fact));
    // kube-prometheus-stack brings the chart grafana along.
    let below = Some(values.subchart("grafana")).filter(|_| release.chart.name == "kube-prometheus-stack");
    let facts = below.and_then(|values| Some((values, crate::rules::charts::Facts::of("grafana")?)));
    let below = facts
        .into_iter()
        .flat_map(|(values, facts)| facts.list("rollingUpdates").iter().map(move |fact| (values, fact)));
    // One strategy holds for several Deployments.
    let mut told: Vec<(Span, &str, Vec<&str>)> = Vec::new();
    for (values, fact) in own.chain(below) {
        let (Some(what), Some(strategy), Some(modes)) =
            (fact.str_at(&["what"]), fact.str_at(&["strategy"]), fact.str_at(&["modes"]))
        else {
            continue;
        };
        let needs = fact.get("needs").map(Node::items).unwrap_or_default();
        let key = strategy;
        let strategy = values.get(key);
        if values.get("enabled").bool() == Some(false)
            || strategy.text() != Some("RollingUpdate")
            || !holds(values.get(modes), "ReadWriteOnce")
            || !needs.iter().all(|need| is_met(values, need))
            || is_tied(values, fact)
            || claim_of(values, fact).is_some_and(|claim| !may_wait(claim, release, app, repository))
        {
            continue;
        }
        let place = [strategy, values.get(modes)].into_iter().find_map(Setting::span);
        let place = place.or_else(|| needs.iter().find_map(|need| values.get(need.str_at(&["path"])?).span()));
        let place = place.or(release.version_span).unwrap_or(release.chart_span);
        match told.iter_mut().find(|(_, known, _)| *known == key) {
            Some((.., names)) => names.push(what),
            None => told.push((place, key, vec![what])),
        }
    }
    for (place, key, names) in told {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let starts = match names.len() {
            1 => "starts its new pod before it ends the old one",
            _ => "start their new pods before they end the old ones",
        };
        let message = format!(
            "{} of the chart {} {starts}, but both want a volume that one node at a time can attach: on another node the new \
             pod stays in ContainerCreating, \"Multi-Attach error\", and the rollout never ends",
            names.join(" and "),
            release.chart.name
        );
        let help = format!("write `{key}: Recreate`, or use volumes with ReadWriteMany");
        findings.report(place, message).help(help);
    }
}

/// Whether the pods are tied to a node, or to what only this cluster knows.
fn is_tied(values: Values<'_>, fact: &Node) -> bool {
    let Some(selector) = fact.str_at(&["selector"]) else { return false };
    let is_tie = |key: &str| {
        let written = values.written(key);
        written.is_some_and(|node| !node.entries().is_empty() || node.as_text().is_some_and(|text| !text.is_empty()))
    };
    is_tie(selector) || selector.strip_suffix("nodeSelector").is_some_and(|at| is_tie(&format!("{at}affinity")))
}

/// The claim that the values name in place of one that the chart makes.
fn claim_of<'a>(values: Values<'a>, fact: &Node) -> Option<&'a str> {
    values.written(fact.str_at(&["claim"])?)?.as_text().filter(|name| !name.is_empty())
}

/// Whether a claim of this name, where the repository has it, is one that one node at a time can attach.
fn may_wait(name: &str, release: &Release, app: &BuiltApp, repository: &Repository) -> bool {
    let namespace = if release.namespace.is_empty() { &app.app.destination.namespace } else { &release.namespace };
    let claims = repository.objects_of("", "PersistentVolumeClaim");
    let mut named = claims
        .filter(|(app, object)| object.id.name == name && [namespace.as_str(), ""].contains(&app.namespace_of(object)));
    let shared = |object: &Object| {
        let modes = object.root.at(&["spec", "accessModes"]).map(Node::items).unwrap_or_default();
        modes.iter().any(|mode| matches!(mode.as_str(), Some("ReadWriteMany" | "ReadOnlyMany")))
    };
    !named.any(|(_, object)| shared(object))
}

/// Whether a value is as a fact wants it.
fn is_met(values: Values<'_>, need: &Node) -> bool {
    let (Some(path), Some(wanted)) = (need.str_at(&["path"]), need.get("value").and_then(Node::as_text)) else {
        return false;
    };
    holds(values.get(path), wanted)
}

/// Whether a known value is this text, or a list with it.
fn holds(setting: Setting<'_>, wanted: &str) -> bool {
    setting.node().is_some_and(|node| {
        node.as_text() == Some(wanted) || node.items().iter().any(|item| item.as_text() == Some(wanted))
    })
}
