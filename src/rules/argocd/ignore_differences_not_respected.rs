//! See `rules/argocd/argocd-ignore-differences-not-respected.md`.

use crate::gitops::Application;
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, _: &'a Repository, findings: &mut Findings<'a>) {
    let Some(application) = &app.app.application else { return };
    let is_automated = application.spec(&["syncPolicy", "automated"]).is_some_and(|node| !node.is_null());
    if application.has_sync_option("RespectIgnoreDifferences=true") || !is_automated {
        return;
    }
    let mut fields: Vec<(&Node, String)> = Vec::new();
    for entry in application.spec(&["ignoreDifferences"]).map(Node::items).unwrap_or_default() {
        let text = |key| entry.get(key).and_then(Node::as_text).unwrap_or_default();
        let of = |key| entry.get(key).map(Node::items).unwrap_or_default().iter();
        let field = of("jsonPointers").chain(of("jqPathExpressions")).find_map(|node| {
            let path = field_path(node.as_str()?)?;
            let parts: Vec<&str> = path.iter().map(String::as_str).collect();
            let matching =
                app.objects.iter().find(|object| selects(entry, object) && field(&object.root, &parts).is_some());
            let what = match matching {
                Some(object) => object.id.to_string(),
                // What a chart makes is not seen here. But the data of a Secret that is ignored is data that it makes up.
                None if text("kind") == "Secret" && has_chart(application) && path == ["data"] => {
                    "the Secrets of the chart".to_owned()
                }
                None => return None,
            };
            Some((node, what))
        });
        fields.extend(field);
    }
    // One option mends them all.
    let Some(((node, what), others)) = fields.split_first() else { return };
    let message = format!(
        "this difference is hidden but not left alone: without `RespectIgnoreDifferences=true` every sync of `{}` writes its \
         own value over the field of {what} again",
        app.app.name
    );
    // The option is missing for the list as a whole.
    let place = application.key_span("ignoreDifferences").unwrap_or(node.span);
    let finding = findings.report(place, message);
    finding.label("only compared differently").related(application.written_at(node), "this field");
    for (other, what) in others.iter().take(8) {
        finding.related(application.written_at(other), format!("and over this one of {what}"));
    }
    finding.help("add `RespectIgnoreDifferences=true` to `syncPolicy.syncOptions`, or leave the field out of Git");
}

/// The keys that lead to a field; `None` if the expression is more than a path of keys.
fn field_path(expression: &str) -> Option<Vec<String>> {
    if let Some(pointer) = expression.strip_prefix('/') {
        return Some(pointer.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect());
    }
    let path = expression.trim().strip_prefix('.')?;
    let is_plain =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    path.split('.').map(|part| is_plain(part).then(|| part.to_owned())).collect()
}

/// The node at the keys of a pointer, which are numbers where they lead into lists.
fn field<'a>(root: &'a Node, path: &[&str]) -> Option<&'a Node> {
    path.iter().try_fold(root, |node, part| match node.as_sequence() {
        Some(items) => items.get(part.parse::<usize>().ok()?),
        None => node.get(part),
    })
}

fn selects(entry: &Node, object: &Object) -> bool {
    let text = |key| entry.get(key).and_then(Node::as_text).unwrap_or_default();
    let fits = |wanted: &str, own: &str| wanted == "*" || wanted == own;
    let optional = |wanted: &str, own: &str| wanted.is_empty() || wanted == own;
    fits(text("group"), &object.id.group)
        && fits(text("kind"), &object.id.kind)
        && optional(text("name"), &object.id.name)
        && (object.id.namespace.is_empty() || optional(text("namespace"), &object.id.namespace))
}

fn has_chart(application: &Application) -> bool {
    application.sources().iter().any(|source| source.get("chart").is_some())
}
