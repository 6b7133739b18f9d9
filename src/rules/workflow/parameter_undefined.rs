//! See `rules/workflow/workflow-parameter-undefined.md`.

use super::workflows;
use crate::finding::nearest;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::{Node, Value};

pub(crate) const CHECK: Check = Check::Repository(check);

const START: &str = "inputs.parameters.";

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    for workflow in workflows::all(repository) {
        // Defaults of all templates may bring inputs, too.
        if workflow.spec.get("templateDefaults").is_some() {
            continue;
        }
        findings.about(Some(workflow.app), Some(workflow.object));
        for template in workflow.spec.get("templates").map(Node::items).unwrap_or_default() {
            // What a template applies may hold tags of its own.
            if template.get("resource").is_none() && template.as_mapping().is_some() {
                of_template(template, findings);
            }
        }
    }
}

fn of_template(template: &Node, findings: &mut Findings<'_>) {
    let inputs = template.at(&["inputs", "parameters"]);
    let declared = inputs.map(Node::items).unwrap_or_default();
    let names: Option<Vec<&str>> = declared.iter().map(|parameter| parameter.str_at(&["name"])).collect();
    let Some(names) = names.filter(|_| !inputs.is_some_and(Node::is_unknown)) else { return };
    let mut waiting = vec![template];
    while let Some(node) = waiting.pop() {
        match &node.value {
            Value::Sequence(items) => waiting.extend(items.iter().rev()),
            Value::Mapping(mapping) => waiting.extend(mapping.iter().map(|entry| &entry.value).rev()),
            Value::Scalar(text) => {
                let undefined = tags(text).find(|name| !names.contains(name));
                let Some(name) = undefined.filter(|_| !node.is_unknown()) else { continue };
                let of = template.str_at(&["name"]).unwrap_or_default();
                let message = format!(
                    "the template `{of}` reads its parameter `{name}`, which it does not declare: the workflow is refused, \
                     `failed to resolve {{{{inputs.parameters.{name}}}}}`"
                );
                let finding = findings.report(node.span, message);
                finding.label("no such input");
                if let Some(inputs) = inputs {
                    finding.related(inputs.span, "the inputs of the template");
                }
                finding.help(match nearest(name, names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("declare `{name}` under `inputs.parameters` of `{of}`"),
                });
            }
        }
    }
}

/// The parameters that plain tags name; what stands in expressions (`{{=`) is left out.
fn tags(text: &str) -> impl Iterator<Item = &str> {
    text.split("{{").skip(1).filter_map(|rest| {
        let (tag, _) = rest.split_once("}}")?;
        let name = tag.trim().strip_prefix(START)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (!name.is_empty() && name.bytes().all(plain)).then_some(name)
    })
}
