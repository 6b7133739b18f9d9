//! See `rules/argocd/argocd-project-invalid.md`.

use crate::finding::Severity;
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Object(check);

/// `maxLength` of `spec.description` in Argo CD's CustomResourceDefinition, in characters.
const MAX_DESCRIPTION: usize = 255;

fn check(object: &Object, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    if !object.id.is("argoproj.io", "AppProject") {
        return;
    }
    let Some(spec) = object.root.get("spec") else { return };
    if let Some(node) = spec.get("description") {
        description(node, findings);
    }
    for window in spec.get("syncWindows").map(Node::items).unwrap_or_default() {
        of_window(window, findings);
    }
    for role in spec.get("roles").map(Node::items).unwrap_or_default() {
        let Some(name) = role.str_at(&["name"]) else { continue };
        for policy in role.get("policies").map(Node::items).unwrap_or_default() {
            of_policy(policy, &object.id.name, name, findings);
        }
    }
}

fn description(node: &Node, findings: &mut Findings<'_>) {
    let length = node.as_str().map_or(0, |text| text.chars().count());
    if length > MAX_DESCRIPTION {
        let message = format!(
            "the description has {length} characters, and an AppProject may have {MAX_DESCRIPTION}: the API server refuses \
             the project, and every Application in it stays without one"
        );
        findings.report(node.span, message).label("too long").help("shorten the description, or write it as a comment");
    }
}

/// A window of time in which syncs are permitted or not.
fn of_window(window: &Node, findings: &mut Findings<'_>) {
    let text = |key: &str| window.get(key).filter(|node| !node.is_unknown()).and_then(Node::as_text);
    if let (Some(node), Some(duration)) = (window.get("duration"), text("duration"))
        && !is_duration(duration)
    {
        let message = format!(
            "`{duration}` is no duration, so Argo CD can't tell when this window ends, and its server refuses every change of the project"
        );
        findings.report(node.span, message).help("write numbers with the units h, m and s, such as `1h30m`");
    }
    let is_open = |key: &str| window.get(key).is_some_and(|list| list.is_unknown() || !list.items().is_empty());
    if window.as_mapping().is_some() && !["applications", "namespaces", "clusters"].into_iter().any(is_open) {
        let message = "this window names no applications, namespaces or clusters, so it holds for none";
        findings
            .report(window.get("kind").map_or(window.span, |kind| kind.span), message)
            .help("add `applications: ['*']` to mean all of the project");
    }
}

/// Whether Go reads the text as a duration: numbers, each with a unit.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let number = rest.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
        let unit = ["ns", "us", "µs", "ms", "s", "m", "h"].into_iter().find(|unit| {
            number.strip_prefix(unit).is_some_and(|after| !after.starts_with(|next: char| next.is_alphabetic()))
        });
        let (true, Some(unit)) = (number.len() < rest.len(), unit) else { return false };
        rest = number.get(unit.len()..).unwrap_or_default();
    }
    !text.is_empty()
}

/// A line of Casbin that permits something to a role. Source: argo-cd, `validatePolicy` of the AppProject.
fn of_policy(node: &Node, project: &str, role: &str, findings: &mut Findings<'_>) {
    let Some(policy) = node.as_str().filter(|policy| !policy.contains(['{', '$'])) else { return };
    let fields: Vec<&str> = policy.split(',').map(str::trim).collect();
    let subject = format!("proj:{project}:{role}");
    let wrong = match fields.as_slice() {
        ["p", own, _, _, object, effect] => match () {
            () if *own != subject => format!("its subject is `{own}`, and must be `{subject}`"),
            () if !object.starts_with(&format!("{project}/")) && *object != project => {
                format!("its object `{object}` is not in the project: it must begin with `{project}/`")
            }
            () if !matches!(*effect, "allow" | "deny") => {
                format!("it ends with `{effect}`, not with `allow` or `deny`")
            }
            () => return,
        },
        _ => "it has not the six fields `p, subject, resource, action, object, effect`".to_owned(),
    };
    let message = format!(
        "the policy of role `{role}` is invalid: {wrong}. Argo CD's server makes no token for any role of the project, and \
         refuses every change of it, until that is mended"
    );
    let finding = findings.report(node.span, message);
    finding.severity(Severity::Warning).help(format!("write `p, {subject}, applications, sync, {project}/*, allow`"));
}
