//! See `rules/kustomize/kustomize-hash-suffix-disabled.md`.

use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::rollout::{Read, reads};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::{Action, Node};

pub(crate) const CHECK: Check = Check::App(check);

const OPTION: &str = "disableNameSuffixHash";

fn check<'a>(app: &'a BuiltApp, repository: &'a Repository, findings: &mut Findings<'a>) {
    for object in app.objects.iter().filter(|object| is_generated(object)) {
        let Some(option) = option_of(object, repository) else { continue };
        let users = app.objects.iter().filter(|user| app.namespace_of(user) == app.namespace_of(object));
        let mut uses = users.flat_map(|user| reads(user, object).into_iter().map(move |read| (user, read)));
        let Some((user, Read { how, place, .. })) = uses.next() else { continue };
        findings.about(Some(app), Some(object));
        let message = format!(
            "{} keeps its name when its content changes, so the pods of {} keep what they read at their start {how} until \
             somebody restarts them",
            object.id, user.id
        );
        findings
            .report(option, message)
            .label("no hash behind the name")
            .related(object.name_span(), "generated here")
            .related(place, "read at the start of the pod")
            .help("take the option away: with a hash of the content in the name every change starts new pods");
    }
}

/// Whether a generator made the object and kept its name as it is.
fn is_generated(object: &Object) -> bool {
    let is_config = object.id.is("", "ConfigMap") || object.id.is("", "Secret");
    let did = |node: &Node, action: Action| node.history.changes().iter().any(|change| change.action == action);
    let data = ["data", "binaryData"].into_iter().filter_map(|field| object.root.get(field));
    is_config
        && data.flat_map(Node::entries).any(|entry| did(&entry.value, Action::Generated))
        && object.root.at(&["metadata", "name"]).is_some_and(|name| !did(name, Action::Hashed))
}

/// Where the hash is turned off for a generated object: with its generator, or for all of the kustomization.
fn option_of(object: &Object, repository: &Repository) -> Option<Span> {
    let name = object.name_span();
    let stream = repository.files.stream(name.file);
    let root = stream.documents.first()?.root.as_ref()?;
    let lists = ["configMapGenerator", "secretGenerator"].into_iter().filter_map(|field| root.get(field));
    let own = lists.flat_map(Node::items).find(|item| item.get("name").is_some_and(|node| node.span == name))?;
    let is_on = |options: &&Node| options.get(OPTION).and_then(Node::as_bool) == Some(true);
    let options = own.get("options").filter(is_on).or_else(|| root.get("generatorOptions").filter(is_on))?;
    options.as_mapping()?.entry(OPTION).map(|option| option.key.span.to(option.value.span))
}
