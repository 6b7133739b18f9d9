//! See `rules/kubernetes/kubernetes-value-not-string.md`.

use crate::finding::Edit;
use crate::gitops::Declared;
use crate::kubernetes::{Object, Pod};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::{Node, Scalar, Style};

pub(crate) const CHECK: Check = Check::Object(check);

fn check(object: &Object, app: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    let root = &object.root;
    // Flux reads an object's own labels and annotations itself, and lets go of all of them where one is no text.
    let is_flux = matches!(app.app.declared, Declared::FluxKustomization(_));
    metadata(root, is_flux, findings);
    if let Some(pod) = Pod::of(object) {
        if !std::ptr::eq(pod.template, root) {
            metadata(pod.template, false, findings);
        }
        map(pod.spec.get("nodeSelector"), "nodeSelector", findings);
        for container in pod.containers() {
            for variable in container.node.get("env").map(Node::items).unwrap_or_default() {
                if let Some(value) = variable.get("value") {
                    judge(value, "an environment variable", None, findings);
                }
            }
        }
        map(root.at(&["spec", "selector", "matchLabels"]), "matchLabels", findings);
    }
    match (object.id.group.as_str(), object.id.kind.as_str()) {
        ("", "ConfigMap") => map(root.get("data"), "data", findings),
        ("", "Secret") => map(root.get("stringData"), "stringData", findings),
        ("", "Service") => map(root.at(&["spec", "selector"]), "selector", findings),
        ("argoproj.io", "Application") => application(root.get("spec"), findings),
        ("argoproj.io", "ApplicationSet") => application(root.at(&["spec", "template", "spec"]), findings),
        ("storage.k8s.io", "StorageClass") => map(root.get("parameters"), "parameters", findings),
        _ => {}
    }
}

/// What an Application gives to a chart: its parameters, and values in one text.
fn application(spec: Option<&Node>, findings: &mut Findings<'_>) {
    let Some(spec) = spec else { return };
    for source in spec.get("source").into_iter().chain(spec.get("sources").map(Node::items).unwrap_or_default()) {
        let Some(helm) = source.get("helm") else { continue };
        if let Some(values) = helm.get("values") {
            judge(values, "`values` of the chart", None, findings);
        }
        for value in
            helm.get("parameters").map(Node::items).unwrap_or_default().iter().filter_map(|one| one.get("value"))
        {
            judge(value, "the value of a chart's parameter", None, findings);
        }
    }
}

fn metadata(object: &Node, lets_go: bool, findings: &mut Findings<'_>) {
    for field in ["annotations", "labels"] {
        let dropped = format!("Flux applies the object without any of its {field}, and says nothing");
        for entry in object.at(&["metadata", field]).map(Node::entries).unwrap_or_default() {
            let what = format!("`{}` in {field}", entry.key.text);
            judge(&entry.value, &what, lets_go.then_some(dropped.as_str()), findings);
        }
    }
}

fn map(node: Option<&Node>, field: &str, findings: &mut Findings<'_>) {
    for entry in node.map(Node::entries).unwrap_or_default() {
        judge(&entry.value, &format!("`{}` in {field}", entry.key.text), None, findings);
    }
}

/// `effect` is what comes of it, where the object is not simply refused.
fn judge(value: &Node, what: &str, effect: Option<&str>, findings: &mut Findings<'_>) {
    let kind = match value.resolve() {
        // Null becomes the empty text.
        Some(Scalar::String(_) | Scalar::Unknown | Scalar::Null) => return,
        Some(Scalar::Bool(_)) => "a boolean",
        Some(Scalar::Int(_) | Scalar::UInt(_) | Scalar::Float(_)) => "a number",
        None if value.as_mapping().is_some() => "a map",
        None => "a list",
    };
    let go = match kind {
        "a boolean" => "bool",
        "a number" => "number",
        "a map" => "object",
        _ => "array",
    };
    let refused = format!("The object is refused: `cannot unmarshal {go} into Go struct field`");
    let message = format!("{what} is {kind} and must be a text. {}", effect.unwrap_or(&refused));
    let finding = findings.report(value.span, message).label(format!("{kind}, not a text"));
    if value.as_mapping().is_some() && what.starts_with("`values`") {
        finding.help("write `values: |`, or give the map to `valuesObject`");
    }
    let Some(text) = value.as_text() else { return };
    // kustomize prints a text without the quotes that it does not need, and Flux substitutes in what it prints.
    let is_variable = |before: &Node| before.as_text().is_some_and(|text| text.contains("${"));
    if value.history.changes().iter().any(|change| change.before.as_ref().is_some_and(is_variable)) {
        finding.label(format!("becomes {kind} when Flux puts the variable's value in"));
        finding.help(
            "quotes are lost before Flux substitutes: add `quote: '\"'` to `postBuild.substitute`, and write `${quote}` before \
             and behind the variable",
        );
        return;
    }
    // The value is not repeated in words: it may be a secret.
    finding.help("put quotes around the value");
    if value.style == Style::Plain && value.history.changes().is_empty() {
        finding.fix("put quotes around the value", vec![Edit { span: value.span, text: format!("\"{text}\"") }]);
    }
}
