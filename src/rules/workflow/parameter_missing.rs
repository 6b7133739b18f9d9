//! See `rules/workflow/workflow-parameter-missing.md`.
//!
//! Left out: whether the values fit, and arguments that Argo Events puts together in other ways than by their number.

use foldhash::{HashMap, HashMapExt};

use super::workflows::{self, GROUP};
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// Templates by kind, namespace and name.
type Templates<'a> = HashMap<(&'a str, &'a str, &'a str), Vec<&'a Object>>;

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut templates: Templates<'a> = HashMap::new();
    for workflow in workflows::all(repository) {
        let key = (workflow.object.id.kind.as_str(), workflow.namespace, workflow.object.id.name.as_str());
        templates.entry(key).or_default().push(workflow.object);
    }
    for workflow in workflows::all(repository) {
        findings.about(Some(workflow.app), Some(workflow.object));
        let supplied = Supplied::of(workflow.spec, &[]);
        whole(workflow.spec, workflow.namespace, &supplied, &workflow.object.id.to_string(), &templates, findings);
        steps(workflow.spec, workflow.namespace, &templates, findings);
    }
    for (app, sensor) in repository.objects_of(GROUP, "Sensor") {
        findings.about(Some(app), Some(sensor));
        sensor_triggers(app, sensor, repository, &templates, findings);
    }
}

/// The arguments that a workflow gets.
struct Supplied<'a> {
    names: Vec<&'a str>,
    /// A value that is given to an argument that is not there.
    beyond: Option<(&'a Node, usize)>,
    /// How many arguments there are.
    count: usize,
    /// Whether others may be given that can't be known.
    open: bool,
}

impl<'a> Supplied<'a> {
    /// The arguments that a spec lists with a value, and those that `given` gives one by their number.
    fn of(spec: &'a Node, given: &[&'a Node]) -> Self {
        let list = spec.at(&["arguments", "parameters"]).map(Node::items).unwrap_or_default();
        let mut supplied = Self { names: Vec::new(), beyond: None, count: list.len(), open: false };
        let mut numbers = Vec::new();
        for dest in given {
            match number_of(dest) {
                Number::Argument(number) if number < list.len() => numbers.push(number),
                Number::Argument(number) => supplied.beyond = supplied.beyond.or(Some((*dest, number))),
                Number::Elsewhere => {}
                Number::Unknown => supplied.open = true,
            }
        }
        for (at, parameter) in list.iter().enumerate() {
            match parameter.get("name").map(Node::as_text) {
                Some(Some(name)) if has_value(parameter) || numbers.contains(&at) => supplied.names.push(name),
                Some(Some(_)) => {}
                _ => supplied.open = true,
            }
        }
        supplied
    }
}

/// What a path of Argo Events writes to.
enum Number {
    /// The value of the argument with this number.
    Argument(usize),
    /// Nothing that is an argument.
    Elsewhere,
    Unknown,
}

fn number_of(dest: &Node) -> Number {
    let Some(text) = dest.as_text() else { return Number::Unknown };
    let Some(rest) = text.strip_prefix("spec.") else { return Number::Elsewhere };
    let Some(rest) = rest.strip_prefix("arguments") else { return Number::Elsewhere };
    let number = rest.strip_prefix(".parameters.").and_then(|rest| rest.strip_suffix(".value"));
    number.and_then(|number| number.parse().ok()).map_or(Number::Unknown, Number::Argument)
}

fn has_value(parameter: &Node) -> bool {
    ["value", "valueFrom", "default"].iter().any(|key| parameter.get(key).is_some_and(|value| !value.is_null()))
}

/// The names of parameters in a list that have no value.
fn required(parameters: Option<&Node>) -> impl Iterator<Item = (&str, Span)> {
    let items = parameters.map(Node::items).unwrap_or_default();
    let open = items.iter().filter(|parameter| !has_value(parameter));
    open.filter_map(|parameter| parameter.get("name").and_then(|name| Some((name.as_text()?, name.span))))
}

/// The template object that a reference means; `None` if it is not known for sure.
fn resolve<'a>(reference: &Node, namespace: &str, templates: &Templates<'a>) -> Option<&'a Object> {
    let name = reference.get("name").and_then(Node::as_text)?;
    let cluster = reference.get("clusterScope").and_then(Node::as_bool) == Some(true);
    let key = if cluster { ("ClusterWorkflowTemplate", "", name) } else { ("WorkflowTemplate", namespace, name) };
    match templates.get(&key)?.as_slice() {
        [only] => Some(only),
        _ => None,
    }
}

/// A workflow that is made of a whole template.
fn whole(
    spec: &Node,
    namespace: &str,
    supplied: &Supplied<'_>,
    who: &str,
    templates: &Templates<'_>,
    findings: &mut Findings<'_>,
) {
    let reference = spec.get("workflowTemplateRef");
    let template = reference.and_then(|reference| resolve(reference, namespace, templates));
    let needed = template.and_then(|template| template.root.at(&["spec", "arguments", "parameters"]));
    let mut missing = required(needed).filter(|(name, _)| !supplied.names.contains(name));
    let first = missing.next().filter(|_| !supplied.open);
    let of = template.map(|template| template.id.to_string()).unwrap_or_default();
    if let Some((dest, number)) = supplied.beyond {
        let count = supplied.count;
        let message = format!(
            "{who} gives a value to the argument with the number {number}, counted from 0, but lists {count} only: the value \
             gets no name{}",
            first.map_or_else(
                || ", and the workflow is not valid".to_owned(),
                |(name, _)| format!(", and the parameter `{name}` of {of} has none")
            )
        );
        let finding = findings.report(dest.span, message);
        finding.label("no such argument");
        match first {
            Some((name, span)) => finding.related(span, "needs a value").help(format!(
                "add `- name: {name}` to `arguments.parameters` of the workflow, in the place with the number {number}"
            )),
            None => finding.help("add the argument to the workflow's list, or correct the number"),
        };
        return;
    }
    let (Some((name, span)), Some(reference)) = (first, reference) else { return };
    let place =
        spec.at(&["arguments", "parameters"]).or_else(|| reference.get("name")).map_or(reference.span, |it| it.span);
    let message = format!(
        "{who} is made of {of}, but gives no value to its parameter `{name}`, which has none of its own: the workflow is \
         refused, `spec.arguments.{name}.value is required`"
    );
    findings.report(place, message).label(format!("`{name}` is missing")).related(span, "needs a value").help(format!(
        "add `{name}` with a value to `arguments.parameters`, or give the parameter a value in the template"
    ));
}

/// Steps and tasks that call another template.
fn steps(spec: &Node, namespace: &str, templates: &Templates<'_>, findings: &mut Findings<'_>) {
    // Its inputs may come from there.
    if spec.get("templateDefaults").is_some() {
        return;
    }
    let own = || spec.get("templates").map(Node::items).unwrap_or_default();
    for template in own() {
        let groups = template.get("steps").map(Node::items).unwrap_or_default();
        let steps = groups.iter().flat_map(|group| group.as_sequence().unwrap_or(std::slice::from_ref(group)));
        let tasks = template.at(&["dag", "tasks"]).map(Node::items).unwrap_or_default();
        for call in steps.chain(tasks) {
            let (callee, name) = match (call.get("template"), call.get("templateRef")) {
                (Some(name), None) => (find(own(), name), name),
                (None, Some(reference)) => {
                    let Some(name) = reference.get("template") else { continue };
                    let of = resolve(reference, namespace, templates);
                    let all = of.and_then(|of| of.root.at(&["spec", "templates"])).map(Node::items).unwrap_or_default();
                    (find(all, name), name)
                }
                _ => continue,
            };
            let Some(callee) = callee else { continue };
            let supplied = Supplied::of(call, &[]);
            if supplied.open {
                continue;
            }
            let needed = callee.at(&["inputs", "parameters"]);
            let Some((missing, span)) = required(needed).find(|(name, _)| !supplied.names.contains(name)) else {
                continue;
            };
            let step = call.get("name").and_then(Node::as_text).unwrap_or_default();
            let called = name.as_text().unwrap_or_default();
            let place = call.at(&["arguments", "parameters"]).map_or(name.span, |parameters| parameters.span);
            let message = format!(
                "the step `{step}` calls the template `{called}` without its parameter `{missing}`, which has no default: the \
                 workflow is refused, `inputs.parameters.{missing} was not supplied`"
            );
            findings
                .report(place, message)
                .label(format!("`{missing}` is missing"))
                .related(span, "needs a value")
                .help(format!("add `{missing}` to the step's `arguments.parameters`, or give the parameter a default"));
        }
    }
}

fn find<'a>(templates: &'a [Node], name: &Node) -> Option<&'a Node> {
    let name = name.as_text()?;
    templates.iter().find(|template| template.get("name").and_then(Node::as_text) == Some(name))
}

fn sensor_triggers(
    app: &BuiltApp,
    sensor: &Object,
    repository: &Repository,
    templates: &Templates<'_>,
    findings: &mut Findings<'_>,
) {
    for trigger in sensor.root.at(&["spec", "triggers"]).map(Node::items).unwrap_or_default() {
        let Some(workflow) = trigger.at(&["template", "argoWorkflow"]) else { continue };
        let Some(resource) = workflow.at(&["source", "resource"]) else { continue };
        let Some(spec) = resource.get("spec").filter(|_| resource.str_at(&["kind"]) == Some("Workflow")) else {
            continue;
        };
        let given: Vec<&Node> = workflow
            .get("parameters")
            .map(Node::items)
            .unwrap_or_default()
            .iter()
            .filter_map(|it| it.get("dest"))
            .collect();
        let mut supplied = Supplied::of(spec, &given);
        // These change the trigger itself before it is used.
        supplied.open |= trigger.get("parameters").is_some();
        let namespace = match resource.at(&["metadata", "namespace"]) {
            Some(node) => node.as_text().unwrap_or_default(),
            None => repository.home_of(app, sensor),
        };
        let name = trigger.at(&["template", "name"]).and_then(Node::as_text).unwrap_or_default();
        whole(spec, namespace, &supplied, &format!("the trigger `{name}`"), templates, findings);
    }
}
