//! See `rules/argocd/argocd-source-without-repository.md`.

use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Object(check);

fn check(object: &Object, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    let spec = match object.id.kind.as_str() {
        _ if object.id.group != "argoproj.io" => None,
        "Application" => object.root.get("spec"),
        // What a set's template lacks may come from that of a generator, or from a patch.
        "ApplicationSet" if !is_completed(&object.root) => object.root.at(&["spec", "template", "spec"]),
        _ => None,
    };
    let Some(spec) = spec else { return };
    let lists = spec.get("sources").map(Node::items).unwrap_or_default();
    let one = spec.get("source").filter(|_| lists.is_empty());
    for source in one.into_iter().chain(lists) {
        if source.as_mapping().is_none_or(|fields| fields.is_empty()) || source.get("repoURL").is_some() {
            continue;
        }
        let message = format!(
            "a source of {} names no repository: the API server refuses the object, `source.repoURL: Required value`",
            object.id
        );
        findings
            .report(source.span, message)
            .label("no `repoURL` here")
            .help("write the URL of the repository that holds the path or chart, also where it is this one");
    }
}

fn is_completed(set: &Node) -> bool {
    let generators = set.at(&["spec", "generators"]).map(Node::items).unwrap_or_default();
    let has_template = |generator: &Node| generator.entries().iter().any(|entry| entry.value.get("template").is_some());
    set.at(&["spec", "templatePatch"]).is_some() || generators.iter().any(has_template)
}
