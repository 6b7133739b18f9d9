//! See `rules/argocd/argocd-destination-invalid.md`.

use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, _repository: &'a Repository, findings: &mut Findings<'a>) {
    let Some(application) = &app.app.application else { return };
    let field = |key| application.spec(&["destination", key]);
    if application.spec(&["destination"]).is_some_and(Node::is_unknown)
        || [field("name"), field("server")].into_iter().flatten().any(Node::is_unknown)
    {
        return;
    }
    let text = |key| {
        let node = field(key)?;
        node.as_text().filter(|text| !text.is_empty()).map(|text| (node, text))
    };
    let refuses = format!("Argo CD refuses `{}` with an InvalidSpecError and syncs nothing of it", app.app.name);
    match (text("name"), text("server")) {
        (Some((_, name)), Some((server, _))) => {
            findings
                .report(server.span, format!("the destination has both a name and a server, so {refuses}"))
                .label("the second way to name the cluster")
                .help(format!("keep `name: {name}`, or the server, but not both"));
        }
        (None, Some((node, server))) if !server.contains("://") => {
            let message = format!("`{server}` is no URL of an API server, so {refuses}");
            findings.report(application.written_at(node), message).label("the name of a cluster, not its URL").help(
                format!(
                    "write `name: {server}`, or the URL; Argo CD's own cluster is `https://kubernetes.default.svc`"
                ),
            );
        }
        // A template that was not followed to its end may still set it.
        (None, None) if app.app.unresolved.is_empty() && application.object.root.get("spec").is_some() => {
            let span = application.key_span("destination").unwrap_or(application.object.name_span());
            findings
                .report(span, format!("the destination names no cluster, so {refuses}"))
                .label("neither `server` nor `name`")
                .help("add `server: https://kubernetes.default.svc` for the cluster that Argo CD runs in");
        }
        _ => {}
    }
}
