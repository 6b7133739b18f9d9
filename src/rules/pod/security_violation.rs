//! See `rules/pod/pod-security-violation.md`.

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use crate::gitops::Declared;
use crate::kubernetes::{Level, Object, Pod, Standard, Subject, Version, Violation};
use crate::repository::{BuiltApp, Cluster, Repository};
use crate::rules::injection::mutates_pods;
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
const VERSION: &str = "pod-security.kubernetes.io/enforce-version";

/// A namespace with more definitions than this is not judged.
const MOST_DEFINITIONS: usize = 64;

/// How many violations a message names; the admission names them all.
const MOST_NAMED: usize = 6;

/// What one definition of a namespace enforces; `None` for nothing that refuses pods.
#[derive(Clone, Copy)]
struct Enforced {
    standard: Option<Standard>,
    span: Span,
}

impl Enforced {
    fn level(&self) -> Option<Level> {
        self.standard.map(|standard| standard.level)
    }
}

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let namespaces = namespaces(repository);
    if namespaces.values().flatten().all(|(_, enforced)| enforced.standard.is_none()) {
        return;
    }
    let mutated = repository.deployed().any(|(_, app)| app.objects.iter().any(mutates_pods));
    for (_, app) in repository.deployed() {
        for object in &app.objects {
            let namespace = repository.home_of(app, object);
            let Some(definitions) = namespaces.get(namespace).filter(|_| namespace != "kube-system") else { continue };
            if definitions.len() > MOST_DEFINITIONS {
                continue;
            }
            // Of several definitions the weakest counts: nobody knows which comes last.
            let here = definitions.iter().filter(|(other, _)| !Cluster::are_apart(app, other));
            let weakest = here.map(|(_, enforced)| *enforced).min_by_key(Enforced::level);
            let Some((standard, place)) = weakest.and_then(|it| Some((it.standard?, it.span))) else { continue };
            let mut violations: Vec<Violation> = match Pod::of(object) {
                // Knative fills in what is lacking, if it is told to.
                Some(pod) if !object.id.group.contains("knative") && !is_idle(object) => {
                    standard.violations(&of_pod(pod))
                }
                Some(_) => continue,
                None => of_workflow(object).iter().flat_map(|subject| standard.violations(subject)).collect(),
            };
            // A workflow's controller and whoever changes pods on their way may fill in what is lacking.
            violations.retain(|violation| violation.written || !mutated && Pod::of(object).is_some());
            // Several templates of a workflow may mount one volume.
            let mut known = HashSet::new();
            violations.retain(|violation| known.insert(violation.span) || !violation.written);
            violations.sort_by_key(|violation| !violation.written);
            findings.about(Some(app), Some(object));
            report(object, namespace, (standard, place), &violations, findings);
        }
    }
}

fn report(
    object: &Object,
    namespace: &str,
    (standard, label): (Standard, Span),
    violations: &[Violation],
    findings: &mut Findings<'_>,
) {
    let Some((first, others)) = violations.split_first() else { return };
    let level = match standard.level {
        Level::Baseline => "baseline",
        Level::Restricted => "restricted",
    };
    let mut named: Vec<&str> = violations.iter().map(|violation| violation.text.as_str()).collect();
    let more = named.len().saturating_sub(MOST_NAMED);
    named.truncate(MOST_NAMED);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    let named = named.join(", ");
    let effect = match object.id.kind.as_str() {
        "Pod" => "the API server refuses it".to_owned(),
        "Deployment" | "Rollout" => format!("the {} is synced, but its ReplicaSet makes no pod", object.id.kind),
        "CronJob" => "its Jobs make no pod and never end".to_owned(),
        "Workflow" | "WorkflowTemplate" | "CronWorkflow" => "its steps end in an error".to_owned(),
        kind => format!("the {kind} is synced, but makes no pod"),
    };
    let message = format!(
        "{} is in a namespace that enforces the Pod Security Standard `{level}`: its pods are forbidden, \"violates \
         PodSecurity\", and {effect}: {named}{more}",
        object.id
    );
    let lacking = others.iter().any(|violation| !violation.written);
    let help = match first.written {
        true if lacking => format!(
            "take out what is forbidden and write what is lacking, or run it in a namespace other than `{namespace}` that \
             permits it"
        ),
        true => format!("take this out, or run it in a namespace other than `{namespace}` that permits it"),
        false => "write these fields into the securityContext of the pod and its containers".to_owned(),
    };
    let finding = findings.report(first.span, message);
    finding.label(if first.written { "forbidden" } else { "lacks what is asked for" });
    for other in others.iter().take(MOST_NAMED) {
        finding.related(other.span, other.text.clone());
    }
    finding.related(label, format!("`{namespace}` enforces `{level}`")).help(help);
}

/// What the definitions of each namespace enforce, with the apps that bring them.
fn namespaces(repository: &Repository) -> HashMap<&str, Vec<(&BuiltApp, Enforced)>> {
    let mut all: HashMap<&str, Vec<(&BuiltApp, Enforced)>> = HashMap::new();
    for (_, app, object) in repository.deployed_objects_of("", "Namespace") {
        let enforced = enforced(object.root.at(&["metadata", "labels"]), object.name_span(), repository);
        all.entry(object.id.name.as_str()).or_default().push((app, enforced));
    }
    for (_, app) in repository.deployed() {
        if let Some((labels, span)) = managed(app) {
            let enforced = enforced(Some(labels), span, repository);
            all.entry(app.app.destination.namespace.as_str()).or_default().push((app, enforced));
        }
    }
    all.remove("");
    all
}

/// The labels that Argo CD gives the namespace that it makes for an Application.
fn managed(app: &BuiltApp) -> Option<(&Node, Span)> {
    let Declared::ArgoApplication(_) = app.app.declared else { return None };
    let application = app.app.application.as_ref()?;
    let labels = application.spec(&["syncPolicy", "managedNamespaceMetadata", "labels"])?;
    application.has_sync_option("CreateNamespace=true").then_some((labels, labels.span))
}

fn enforced(labels: Option<&Node>, span: Span, repository: &Repository) -> Enforced {
    let label = labels.and_then(|labels| labels.get(ENFORCE));
    let level = label.and_then(Node::as_text).and_then(|level| match level {
        "baseline" => Some(Level::Baseline),
        "restricted" => Some(Level::Restricted),
        _ => None,
    });
    let pinned = labels.and_then(|labels| labels.get(VERSION)).and_then(Node::as_text).and_then(Version::parse);
    let version = pinned.or_else(|| repository.targets.lowest.map(|target| target.version));
    let span = label.map_or(span, |label| label.span);
    Enforced { standard: level.map(|level| Standard { level, version }), span }
}

/// Whether a workload is told to make no pods.
fn is_idle(object: &Object) -> bool {
    object.root.at(&["spec", "replicas"]).and_then(Node::as_i64) == Some(0)
}

fn of_pod(pod: Pod<'_>) -> Subject<'_> {
    let entry = pod.spec.as_mapping().and_then(|spec| spec.entry("containers"));
    Subject {
        spec: pod.spec,
        context: pod.spec.get("securityContext"),
        containers: pod.containers().map(|container| (container.name().unwrap_or_default(), container.node)).collect(),
        volumes: pod.spec.get("volumes").map(Node::items).unwrap_or_default().iter().collect(),
        annotations: pod.template.at(&["metadata", "annotations"]),
        span: entry.map_or(pod.spec.span, |entry| entry.key.span),
    }
}

/// The pods of a workflow: one for each of its templates that runs containers.
fn of_workflow(object: &Object) -> Vec<Subject<'_>> {
    let path: &[&str] = match (object.id.group.as_str(), object.id.kind.as_str()) {
        ("argoproj.io", "Workflow" | "WorkflowTemplate") => &["spec"],
        ("argoproj.io", "CronWorkflow") => &["spec", "workflowSpec"],
        _ => return Vec::new(),
    };
    let Some(spec) = object.root.at(path).filter(|spec| spec.get("podSpecPatch").is_none()) else { return Vec::new() };
    let templates = spec.get("templates").map(Node::items).unwrap_or_default().iter();
    let templates = templates.filter(|template| template.get("podSpecPatch").is_none());
    templates.map(|template| of_template(spec, template)).filter(|subject| !subject.containers.is_empty()).collect()
}

fn of_template<'a>(spec: &'a Node, template: &'a Node) -> Subject<'a> {
    let list = |node: &'a Node, field: &str| node.get(field).map(Node::items).unwrap_or_default().iter();
    let main = ["container", "script"].into_iter().filter_map(|field| Some(("main", template.get(field)?)));
    let set = template.get("containerSet").into_iter().flat_map(|set| list(set, "containers"));
    let beside = list(template, "initContainers").chain(list(template, "sidecars")).chain(set);
    let beside = beside.map(|container| (container.str_at(&["name"]).unwrap_or_default(), container));
    let containers: Vec<_> = main.chain(beside).collect();
    // The controller gives a pod only the volumes that its containers mount.
    let mounts = containers.iter().flat_map(|(_, container)| list(container, "volumeMounts"));
    let mounted: HashSet<&str> = mounts.filter_map(|mount| mount.str_at(&["name"])).collect();
    let volumes = list(spec, "volumes").chain(list(template, "volumes"));
    let is_mounted = |volume: &&Node| volume.str_at(&["name"]).is_some_and(|name| mounted.contains(name));
    Subject {
        spec,
        context: template.get("securityContext").or_else(|| spec.get("securityContext")),
        volumes: volumes.filter(is_mounted).collect(),
        containers,
        annotations: template.at(&["metadata", "annotations"]),
        span: template.span,
    }
}
