//! See `rules/argocd/argocd-ignore-differences-no-match.md`.

use crate::finding::nearest;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, _: &'a Repository, findings: &mut Findings<'a>) {
    let Some(application) = &app.app.application else { return };
    let entries = application.spec(&["ignoreDifferences"]).map(Node::items).unwrap_or_default();
    // What a chart makes is not seen here.
    if entries.is_empty() || app.objects.is_empty() || !app.releases.is_empty() || !app.is_complete() {
        return;
    }
    for entry in entries {
        let text = |key| entry.get(key).and_then(Node::as_text).unwrap_or_default();
        let (group, kind, name) = (text("group"), text("kind"), text("name"));
        let is_pattern = |text: &str| text.contains(['*', '?', '[', '{', '$']);
        if kind.is_empty() || [group, kind, name].into_iter().any(is_pattern) {
            continue;
        }
        let same = || app.objects.iter().filter(|object| object.id.is(group, kind));
        if same().any(|object| name.is_empty() || object.id.name == name) {
            continue;
        }
        let (place, what, near) = match (entry.get("name"), entry.get("kind"), entry.get("group")) {
            (Some(node), ..) if same().next().is_some() => {
                let names = same().map(|object| object.id.name.as_str());
                (node.span, format!("`{}` has no {kind} called `{name}`", app.app.name), nearest(name, names))
            }
            (_, Some(node), written) => match app.objects.iter().find(|object| object.id.kind == kind) {
                Some(other) => {
                    let own = if group.is_empty() { "no group".to_owned() } else { format!("the group `{group}`") };
                    let what = format!("a {kind} is of the group `{}`, and this names {own}", other.id.group);
                    (written.unwrap_or(node).span, what, Some(other.id.group.as_str()))
                }
                None => (node.span, format!("`{}` has no {kind}", app.app.name), None),
            },
            _ => continue,
        };
        let message = format!("{what}: no difference is ignored by it, and what it was written for stays OutOfSync");
        let finding = findings.report(place, message);
        match near {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help("remove it, if the object is gone"),
        };
    }
}
