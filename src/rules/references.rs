//! What the rules about references have in common: which broken reference is whose, and how it is told.

use compact_str::CompactString;
use foldhash::{HashMap, HashMapExt};

use super::Findings;
use crate::finding::{Confidence, Finding, Severity, nearest};
use crate::references::Role;
use crate::repository::Repository;
use crate::repository::graph::{Broken, By, Fault, Near, Nearness};
use crate::source::Span;

/// Places of the same mistake in one object that are named beside the first.
const MOST_PLACES: usize = 4;

/// Reports the objects that are missing, as far as `wanted` says that they are the rule's matter.
pub(super) fn missing<'a>(repository: &'a Repository, findings: &mut Findings<'a>, wanted: fn(&Broken) -> bool) {
    let is_whole = |broken: &Broken| matches!(broken.fault, Fault::Missing { .. });
    for (first, others) in mistakes(repository, |broken| is_whole(broken) && wanted(broken)) {
        let Fault::Missing { closed, near } = &first.fault else { continue };
        about(first, repository, findings);
        let message = missing_message(first, near.as_ref(), repository);
        let severity = findings.severity();
        let finding = findings.report(first.span, message);
        // What an address leads to may be somebody else's, a Secret may have been made by hand, and a StorageClass by who
        // made the cluster.
        let by_hand = matches!(first.kind.as_str(), "Secret" | "StorageClass") && near.is_none();
        let by_others = by_hand || matches!(first.role, Role::Address | Role::Datasource);
        if !closed || by_others {
            finding.severity(lower(severity)).confidence(Confidence::Medium);
        }
        finding.label(place_label(first));
        if let Some(near) = near {
            finding.related(near.span, near_label(near));
        }
        more_places(finding, &others);
        finding.help(missing_help(first, near.as_ref()));
    }
}

/// Reports the parts that are missing from objects that are there.
pub(super) fn part_missing<'a>(repository: &'a Repository, findings: &mut Findings<'a>, wanted: fn(&Broken) -> bool) {
    let is_part = |broken: &Broken| matches!(broken.fault, Fault::PartMissing { .. });
    for (first, others) in mistakes(repository, |broken| is_part(broken) && wanted(broken)) {
        let Fault::PartMissing { part, what, definition, has } = &first.fault else { continue };
        about(first, repository, findings);
        let who = who(first, repository);
        let object = named(&first.kind, &first.namespace, &first.name);
        let consequence = part_consequence(first, what);
        let message = format!("{who} names the {what} `{part}` of {object}, which has {}: {consequence}", listed(has));
        let finding = findings.report(first.span, message);
        finding.label(format!("no such {what}"));
        let meant = nearest(part, has.iter().map(|(name, _)| name.as_str()));
        let place = meant.and_then(|meant| has.iter().find(|(name, _)| name == meant));
        match place {
            Some((name, span)) => {
                finding.related(*span, format!("{what} `{name}`")).help(format!("did you mean `{name}`?"))
            }
            None => finding
                .related(*definition, format!("{} `{}`", first.kind, first.name))
                .help(format!("name a {what} that the {} has, or give it this one", first.kind)),
        };
        more_places(finding, &others);
    }
}

/// One mistake and the other places in the object that make it too.
type Mistake<'a> = (&'a Broken, Vec<Span>);

fn mistakes<'a>(repository: &'a Repository, wanted: impl Fn(&Broken) -> bool) -> Vec<Mistake<'a>> {
    let mut all: Vec<Mistake<'a>> = Vec::new();
    let mut known: HashMap<_, usize> = HashMap::new();
    for broken in repository.broken_references().iter().filter(|broken| wanted(broken)) {
        let part = match &broken.fault {
            Fault::PartMissing { part, .. } => part.as_str(),
            Fault::Missing { .. } => "",
        };
        // A namespace that is missing is one mistake, however many objects of the app are in it.
        let object = if broken.kind == "Namespace" { None } else { Some(broken.by) };
        let key = (broken.app, object, &broken.kind, &broken.namespace, &broken.name, part);
        match known.get(&key).and_then(|at| all.get_mut(*at)) {
            Some((_, others)) => others.push(broken.span),
            None => {
                known.insert(key, all.len());
                all.push((broken, Vec::new()));
            }
        }
    }
    all
}

fn about<'a>(broken: &Broken, repository: &'a Repository, findings: &mut Findings<'a>) {
    let app = repository.apps.get(broken.app);
    let object = app.and_then(|app| match broken.by {
        By::Object(at) => app.objects.get(at),
        By::Release(_) => None,
    });
    findings.about(app, object);
}

fn more_places(finding: &mut Finding, others: &[Span]) {
    for span in others.iter().take(MOST_PLACES) {
        finding.related(*span, "named here too");
    }
}

/// Who makes the reference, by name.
fn who(broken: &Broken, repository: &Repository) -> String {
    let app = repository.apps.get(broken.app);
    let by = app.and_then(|app| match broken.by {
        By::Object(at) => app.objects.get(at).map(|object| object.id.to_string()),
        By::Release(at) => app
            .releases
            .get(at)
            .map(|release| format!("a value of the chart {} in app {}", release.chart.name, app.app.name)),
    });
    by.unwrap_or_default()
}

fn lower(severity: Severity) -> Severity {
    match severity {
        Severity::Error => Severity::Warning,
        Severity::Warning | Severity::Info => Severity::Info,
    }
}

fn missing_message(broken: &Broken, near: Option<&Near>, repository: &Repository) -> String {
    let Broken { kind, name, .. } = broken;
    let verb = if broken.role == Role::Home { "is meant for" } else { "names" };
    let who = format!("{} {verb}", who(broken, repository));
    let place = in_namespace(&broken.namespace);
    let consequence = missing_consequence(broken);
    match near {
        Some(Near { nearness: Nearness::OtherNamespace, namespace, .. }) => {
            let there =
                if namespace.is_empty() { "another namespace".to_owned() } else { format!("namespace `{namespace}`") };
            format!("{who} {kind} `{name}`, which is in {there}, not{place}: {consequence}")
        }
        Some(Near { nearness: Nearness::OtherKind, kind: other, .. }) => {
            format!("{who} {kind} `{name}`, but `{name}` is of kind {other}: {consequence}")
        }
        Some(Near { nearness: Nearness::NotApplied, .. }) => {
            format!("{who} {kind} `{name}`, which is written in a file that no app applies: {consequence}")
        }
        Some(Near { nearness: Nearness::OtherCluster, .. }) => format!(
            "{who} {kind} `{name}`, which this repository brings to another cluster, but not to this one: \
             {consequence}"
        ),
        Some(Near { nearness: Nearness::OtherVariant, .. }) => format!(
            "{who} {kind} `{name}`, which another build of the same files brings, but not this one: {consequence}"
        ),
        Some(Near { nearness: Nearness::Spelling, .. }) | None => {
            format!("{who} {kind} `{name}`, which nothing in this repository creates{place}: {consequence}")
        }
    }
}

fn missing_help(broken: &Broken, near: Option<&Near>) -> String {
    let Broken { kind, name, .. } = broken;
    match near {
        Some(Near { nearness: Nearness::Spelling, name, namespace, .. }) if *namespace == broken.namespace => {
            format!("did you mean `{name}`?")
        }
        Some(Near { nearness: Nearness::Spelling, name, namespace, .. }) => {
            format!("did you mean `{name}`{}?", in_namespace(namespace))
        }
        Some(Near { nearness: Nearness::OtherNamespace, namespace, .. }) if broken.role == Role::Address => {
            format!("write `{name}.{namespace}.svc`")
        }
        Some(Near { nearness: Nearness::OtherNamespace, .. }) if can_cross(kind) => {
            "name its namespace too, or use one that is in this namespace".to_owned()
        }
        Some(Near { nearness: Nearness::OtherNamespace, .. }) => {
            format!("a {kind} is seen in its own namespace only: create it here too, or name one that is here")
        }
        Some(Near { nearness: Nearness::OtherKind, kind: other, .. })
            if kind.ends_with("WorkflowTemplate") || kind.ends_with("AnalysisTemplate") =>
        {
            if other.starts_with("Cluster") {
                "write `clusterScope: true` beside the name"
            } else {
                "remove `clusterScope: true`"
            }
            .to_owned()
        }
        Some(Near { nearness: Nearness::OtherKind, kind: other, .. }) => format!("write `kind: {other}`"),
        Some(Near { nearness: Nearness::NotApplied, .. }) => {
            "name that file in the kustomization or app that should bring it".to_owned()
        }
        Some(Near { nearness: Nearness::OtherCluster, .. }) => {
            format!("deploy the {kind} to this cluster too")
        }
        Some(Near { nearness: Nearness::OtherVariant, .. }) => {
            format!("list the file with the {kind} in this kustomization too")
        }
        None => format!(
            "add the {kind}, correct the name, or list `{name}` under `external.{kind}` in .presync.yaml if it exists \
             outside Git"
        ),
    }
}

/// Whether a reference to this kind can name a namespace.
fn can_cross(kind: &str) -> bool {
    matches!(kind, "Gateway" | "Middleware" | "MiddlewareTCP" | "Service")
}

fn near_label(near: &Near) -> String {
    let object = named(&near.kind, &near.namespace, &near.name);
    match near.nearness {
        Nearness::NotApplied => format!("{object} is written here, but not applied"),
        _ => format!("{object} comes from here"),
    }
}

fn place_label(broken: &Broken) -> String {
    match in_namespace(&broken.namespace) {
        place if place.is_empty() => format!("no such {}", broken.kind),
        place => format!("no such {}{place}", broken.kind),
    }
}

fn in_namespace(namespace: &str) -> String {
    if namespace.is_empty() { String::new() } else { format!(" in namespace `{namespace}`") }
}

fn named(kind: &str, namespace: &str, name: &str) -> String {
    if namespace.is_empty() { format!("{kind} `{name}`") } else { format!("{kind} `{namespace}/{name}`") }
}

fn listed(has: &[(CompactString, Span)]) -> String {
    let mut names: Vec<&str> = has.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    let shown = names.iter().take(6).copied().collect::<Vec<_>>().join(", ");
    let rest = names.len().saturating_sub(6);
    match rest {
        _ if names.is_empty() => "none".to_owned(),
        0 => format!("only {shown}"),
        rest => format!("{shown} and {rest} more, but not this one"),
    }
}

/// What comes of a custom resource that lacks something: some operators set a condition, some only write to their log.
const WAITS: &str = "its controller waits in vain or reports an error";

/// What the cluster shows when the whole object is missing.
fn missing_consequence(broken: &Broken) -> String {
    let name = &broken.name;
    match (broken.kind.as_str(), broken.role) {
        (_, Role::Address | Role::Datasource) => "the name does not resolve".to_owned(),
        (_, Role::Home) => format!("the object is refused, namespaces \"{name}\" not found"),
        ("Namespace", _) => "it finds nothing".to_owned(),
        (_, Role::ChartValue) => "what the chart makes of it will wait for it in vain".to_owned(),
        ("StorageClass", _) => format!("the claim stays Pending, storageclass.storage.k8s.io \"{name}\" not found"),
        ("PriorityClass", _) => format!("no pod is admitted, no PriorityClass with name {name} was found"),
        ("RuntimeClass", _) => format!("no pod is admitted, RuntimeClass \"{name}\" not found"),
        ("ServiceAccount", Role::Identity) => format!("no pod is made, serviceaccount \"{name}\" not found"),
        ("Service", Role::Identity) => "its pods get no names in DNS".to_owned(),
        (_, Role::Environment) => "the container stays in CreateContainerConfigError".to_owned(),
        ("PersistentVolumeClaim", _) => format!("the pod stays Pending, persistentvolumeclaim \"{name}\" not found"),
        (_, Role::Volume | Role::SubPath) => "the pod stays in ContainerCreating with FailedMount".to_owned(),
        (_, Role::ImagePull) => "images are pulled without these credentials".to_owned(),
        (_, Role::Certificate) => "clients are shown another certificate or none".to_owned(),
        (_, Role::Backend) => "requests to it fail".to_owned(),
        (_, Role::Webhook) => "the API server can't call it".to_owned(),
        (_, Role::Role) => "the binding grants nothing".to_owned(),
        (_, Role::Subject) => "the binding grants nothing to it".to_owned(),
        ("Issuer" | "ClusterIssuer", _) => "the certificate is never issued".to_owned(),
        ("SecretStore" | "ClusterSecretStore", _) => "the Secret is never written".to_owned(),
        ("Gateway" | "GatewayClass", _) => "it takes no effect".to_owned(),
        ("IngressClass", _) => "no controller serves it".to_owned(),
        ("WorkflowTemplate" | "ClusterWorkflowTemplate", _) => "the workflow fails at once".to_owned(),
        ("Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet", _) => "nothing is scaled".to_owned(),
        ("Middleware" | "MiddlewareTCP", _) => "Traefik leaves out the router that names it".to_owned(),
        ("IPAddressPool", _) => "MetalLB announces no address of it".to_owned(),
        (_, Role::Identity | Role::Needed) => WAITS.to_owned(),
    }
}

/// What the cluster shows when only a part is missing.
fn part_consequence(broken: &Broken, what: &str) -> &'static str {
    match (broken.role, what) {
        (Role::Address | Role::Datasource, _) => "connections to it are refused or time out",
        (Role::ChartValue, _) => "what the chart makes of it can't find it",
        (Role::Environment, _) => "the container stays in CreateContainerConfigError",
        (Role::Volume, _) => "the pod stays in ContainerCreating, references non-existent config key",
        (Role::SubPath, _) => "the container finds an empty directory where it looks for the file",
        (Role::Backend, _) => "requests to it fail",
        (Role::Webhook, _) => "the API server can't call it",
        (_, "listener") => "the route is not attached, NoMatchingParent",
        (_, "template") => "the workflow fails at once",
        _ => WAITS,
    }
}
