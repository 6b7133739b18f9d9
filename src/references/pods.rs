//! The pods that come to be because of an object, by their labels: of Kubernetes' workloads, of Argo's workflows, and of
//! the operators in the table `rules/data/made-pods.tsv`.
//!
//! Left out: pods of charts that are not rendered, and labels that webhooks add on the way.

use std::sync::LazyLock;

use compact_str::CompactString;
use foldhash::HashMap;

use super::made::follow;
use crate::kubernetes::network_policy::PodLabels;
use crate::kubernetes::{Object, Pod};
use crate::source::Span;
use crate::yaml::Node;

/// Pods with the same labels.
#[derive(Clone, Debug)]
pub struct MadePods<'a> {
    /// Their labels.
    pub labels: PodLabels,
    /// Where the labels are written, else the name of what makes the pods.
    pub span: Span,
    /// The pod's definition, if the object holds it: the node with `metadata` and `spec`.
    pub pod: Option<Pod<'a>>,
    /// Name of the workflow's template that they run, if they do.
    pub template: Option<&'a str>,
}

struct Row {
    labels: Vec<(&'static str, &'static str)>,
    more: Vec<&'static str>,
    complete: bool,
}

type Table = HashMap<(&'static str, &'static str), Row>;

static TABLE: LazyLock<Table> = LazyLock::new(|| read(include_str!("../../rules/data/made-pods.tsv")));

/// Fields of a workflow's template that make it run a pod.
const RUNS: [&str; 6] = ["container", "containerSet", "script", "resource", "data", "plugin"];

/// The pods that come to be because of an object.
pub fn pods(object: &Object) -> Vec<MadePods<'_>> {
    if let Some(pod) = Pod::of(object) {
        return vec![of_workload(object, pod)];
    }
    let id = &object.id;
    if id.group == "argoproj.io" {
        let spec: Option<&[&str]> = match &*id.kind {
            "Workflow" | "WorkflowTemplate" => Some(&["spec"]),
            "CronWorkflow" => Some(&["spec", "workflowSpec"]),
            _ => None,
        };
        if let Some(spec) = spec {
            return object.root.at(spec).map(of_workflow).unwrap_or_default();
        }
    }
    let Some(row) = TABLE.get(&(&*id.group, &*id.kind)) else { return Vec::new() };
    let mut labels = PodLabels { closed: row.complete, ..PodLabels::default() };
    for (key, template) in &row.labels {
        let path = template.strip_prefix('{').and_then(|path| path.strip_suffix('}'));
        let value = match path {
            Some(path) => follow(&object.root, path).first().and_then(|node| label(node)),
            None if *template == "*" => None,
            None => Some((*template).into()),
        };
        labels.set(*key, value);
    }
    for map in row.more.iter().flat_map(|path| follow(&object.root, path)) {
        add(&mut labels, map);
    }
    vec![MadePods { labels, span: object.name_span(), pod: None, template: None }]
}

/// Labels that Kubernetes' controllers add to the pods of each kind, with values of their own.
fn of_workload<'a>(object: &'a Object, pod: Pod<'a>) -> MadePods<'a> {
    let mut labels = PodLabels { closed: true, ..PodLabels::default() };
    let added: &[&str] = match &*object.id.kind {
        "Deployment" | "ReplicaSet" | "Rollout" => &["pod-template-hash", "rollouts-pod-template-hash"],
        "StatefulSet" => {
            &["controller-revision-hash", "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"]
        }
        "DaemonSet" => &["controller-revision-hash", "pod-template-generation"],
        "Job" | "CronJob" => &["controller-uid", "batch.kubernetes.io/controller-uid"],
        _ => &[],
    };
    added.iter().for_each(|key| labels.set(*key, None));
    if matches!(&*object.id.kind, "Job" | "CronJob") {
        // A CronJob's Jobs have names with their time.
        let name = Some(object.id.name.clone()).filter(|name| object.id.kind == "Job" && !name.is_empty());
        labels.set("job-name", name.clone());
        labels.set("batch.kubernetes.io/job-name", name);
    }
    let map = pod.template.at(&["metadata", "labels"]);
    if let Some(map) = map {
        add(&mut labels, map);
    }
    MadePods { labels, span: map.map_or_else(|| object.name_span(), |map| map.span), pod: Some(pod), template: None }
}

/// One kind of pods for each template that runs some.
fn of_workflow(spec: &Node) -> Vec<MadePods<'_>> {
    let templates = spec.get("templates").map(Node::items).unwrap_or_default();
    let running = templates.iter().filter(|template| RUNS.iter().any(|field| template.get(field).is_some()));
    let pods = running.map(|template| {
        let mut labels = PodLabels { closed: true, ..PodLabels::default() };
        labels.set("workflows.argoproj.io/workflow", None);
        labels.set("workflows.argoproj.io/completed", None);
        let maps = [spec.at(&["podMetadata", "labels"]), template.at(&["metadata", "labels"])];
        maps.into_iter().flatten().for_each(|map| add(&mut labels, map));
        // A template without labels of its own may be called by workflows that have some.
        labels.closed &= maps.into_iter().flatten().any(|map| !map.entries().is_empty());
        let name = template.get("name");
        MadePods {
            labels,
            span: name.map_or(template.span, |name| name.span),
            pod: None,
            template: Some(name.and_then(Node::as_text).unwrap_or_default()),
        }
    });
    pods.collect()
}

fn add(labels: &mut PodLabels, map: &Node) {
    if map.as_mapping().is_none() {
        labels.closed &= map.is_null();
    }
    for entry in map.entries() {
        labels.set(entry.key.text.clone(), label(&entry.value));
    }
}

/// A label's value; `None` if it can't be known yet.
fn label(node: &Node) -> Option<CompactString> {
    let text = node.value_text().filter(|text| !node.is_unknown() && !text.contains('$') && !text.contains("{{"));
    text.map(CompactString::from)
}

fn read(text: &'static str) -> Table {
    let split = |cell: &'static str| cell.split(',').filter(|part| !part.is_empty());
    // The first line that is no comment names the columns.
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    let rows = lines.filter_map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let [group, kinds, labels, more, complete, _] = cells[..] else { return None };
        let row = move || Row {
            labels: split(labels).filter_map(|label| label.split_once('=')).collect(),
            more: split(more).collect(),
            complete: complete == "yes",
        };
        Some(split(kinds).map(move |kind| ((group, kind), row())))
    });
    rows.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn labels(text: &str) -> Vec<String> {
        let stream = crate::yaml::parse(FileId(0), text.as_bytes());
        let root = stream.documents.into_iter().next().and_then(|document| document.root).expect("a document");
        let object = Object::new(root).expect("an object");
        pods(&object).into_iter().map(|pods| pods.labels.to_string()).collect()
    }

    #[test]
    fn every_line_has_all_cells() {
        let lines = include_str!("../../rules/data/made-pods.tsv").lines().filter(|line| !line.starts_with('#'));
        assert_eq!(lines.clone().filter(|line| line.split('\t').count() != 6).collect::<Vec<_>>(), Vec::<&str>::new());
        assert!(TABLE.len() >= lines.count() - 1);
    }

    #[test]
    fn pods_have_the_labels_of_their_makers() {
        let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: seed}\nspec: {template: {metadata: {labels: {app: \
                   seed}}, spec: {containers: []}}}\n";
        assert_eq!(
            labels(job),
            ["controller-uid, batch.kubernetes.io/controller-uid, job-name=seed, batch.kubernetes.io/job-name=seed, \
                 app=seed"]
        );
        let sensor = "apiVersion: argoproj.io/v1alpha1\nkind: Sensor\nmetadata: {name: s}\nspec: {template: {metadata: \
                      {labels: {team: a}}}}\n";
        assert_eq!(labels(sensor), ["sensor-name=s, owner-name=s, controller=sensor-controller, team=a"]);
        let workflow = "apiVersion: argoproj.io/v1alpha1\nkind: CronWorkflow\nmetadata: {name: w}\nspec: {workflowSpec: \
                        {podMetadata: {labels: {kind: backup}}, templates: [{name: main, steps: []}, {name: dump, \
                        metadata: {labels: {db: x}}, container: {}}]}}\n";
        assert_eq!(
            labels(workflow),
            ["workflows.argoproj.io/workflow, workflows.argoproj.io/completed, kind=backup, db=x"]
        );
    }
}
