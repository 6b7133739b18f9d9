//! See `rules/kubernetes/kubernetes-quantity-invalid.md`.

use super::is_template;
use crate::gitops::is_declaration;
use crate::kubernetes::{Object, Quantity, QuantityError};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::{Entry, Node};

pub(crate) const CHECK: Check = Check::App(check);

/// What can be requested and limited under these names everywhere.
const RESOURCES: [&str; 4] = ["cpu", "memory", "storage", "ephemeral-storage"];

fn check<'a>(app: &'a BuiltApp, _: &'a Repository, findings: &mut Findings<'a>) {
    for object in app.objects.iter().filter(|object| !holds_patterns(object)) {
        findings.about(Some(app), Some(object));
        of_kind(object, findings);
        // Declarations of apps hold values of charts.
        walk(&object.root, if is_declaration(&object.id) { in_values } else { judge }, findings);
    }
    findings.about(Some(app), None);
    for release in &app.releases {
        walk(&release.values, in_values, findings);
    }
}

/// Whether the object describes other objects: policies compare amounts with patterns, definitions give their schema.
fn holds_patterns(object: &Object) -> bool {
    let group = object.id.group.as_str();
    group.ends_with("kyverno.io") || group.ends_with("gatekeeper.sh") || group == "apiextensions.k8s.io"
}

/// Fields that hold quantities by the kind of their object.
fn of_kind(object: &Object, findings: &mut Findings<'_>) {
    let spec = object.root.get("spec");
    let each = |map: Option<&Node>, findings: &mut Findings<'_>| {
        for entry in map.map(Node::entries).unwrap_or_default() {
            judge(entry, findings);
        }
    };
    match (object.id.group.as_str(), object.id.kind.as_str()) {
        ("", "ResourceQuota") => each(spec.and_then(|spec| spec.get("hard")), findings),
        ("", "PersistentVolume") => each(spec.and_then(|spec| spec.get("capacity")), findings),
        ("", "LimitRange") => {
            for item in spec.and_then(|spec| spec.get("limits")).map(Node::items).unwrap_or_default() {
                for key in ["max", "min", "default", "defaultRequest"] {
                    each(item.get(key), findings);
                }
            }
        }
        _ => {}
    }
}

/// How an amount is judged.
type Judge = fn(&Entry, &mut Findings<'_>);

/// An amount in a chart's values, whose templates may leave an empty one out.
fn in_values(entry: &Entry, findings: &mut Findings<'_>) {
    if entry.value.as_str() != Some("") {
        judge(entry, findings);
    }
}

/// Finds `resources` maps wherever they are: pods, claims, custom resources and chart values share their form.
fn walk(node: &Node, judge: Judge, findings: &mut Findings<'_>) {
    for entry in node.entries() {
        let name = entry.key.text.as_str();
        if name == "resources" || name.ends_with("Resources") {
            for kind in ["requests", "limits"] {
                let amounts = entry.value.get(kind).map(Node::entries).unwrap_or_default();
                for amount in amounts.iter().filter(|amount| RESOURCES.contains(&amount.key.text.as_str())) {
                    judge(amount, findings);
                }
            }
        }
        if name == "emptyDir" {
            let limit = entry.value.entries().iter().find(|field| field.key.text == "sizeLimit");
            limit.into_iter().for_each(|field| judge(field, findings));
        }
        walk(&entry.value, judge, findings);
    }
    for item in node.items() {
        walk(item, judge, findings);
    }
}

fn judge(entry: &Entry, findings: &mut Findings<'_>) {
    let Some(text) = entry.value.as_text().filter(|text| !is_template(text)) else { return };
    let Some(Err(error)) = Quantity::of(&entry.value) else { return };
    let message = format!(
        "`{text}` is no quantity, so the object is refused: `quantities must match the regular expression \
         '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`"
    );
    let finding = findings.report(entry.value.span, message).label(format!("{} takes a quantity", entry.key.text));
    if let Some(help) = advice(text, error) {
        finding.help(help);
    }
}

fn advice(text: &str, error: QuantityError) -> Option<String> {
    let QuantityError::Suffix(at) = error else {
        return text
            .contains([' ', ','])
            .then(|| "write the number and the suffix without a space, with a point".to_owned());
    };
    let (number, suffix) = text.split_at(at);
    let letter = suffix.chars().next()?.to_ascii_uppercase();
    if !"KMGTPE".contains(letter) {
        let units = "Ki, Mi, Gi and Ti count in powers of 1024; k, M, G and T in powers of 1000; m is a thousandth";
        return Some(format!("give it a suffix that exists: {units}"));
    }
    let decimal = if letter == 'K' { 'k' } else { letter };
    Some(format!("write `{number}{letter}i` for powers of 1024, or `{number}{decimal}` for powers of 1000"))
}
