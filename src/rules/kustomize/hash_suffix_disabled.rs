//! See `rules/kustomize/kustomize-hash-suffix-disabled.md`.

use crate::kubernetes::{Object, Pod};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::{Action, Node};

pub(crate) const CHECK: Check = Check::App(check);

const OPTION: &str = "disableNameSuffixHash";

fn check<'a>(app: &'a BuiltApp, repository: &'a Repository, findings: &mut Findings<'a>) {
    for object in app.objects.iter().filter(|object| is_generated(object)) {
        let Some(option) = option_of(object, repository) else { continue };
        let users = app.objects.iter().filter(|user| app.namespace_of(user) == app.namespace_of(object));
        let Some((user, how, place)) = users.filter_map(|user| use_of(user, object)).next() else { continue };
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

/// How a workload reads the object once and never again, and where that is said.
fn use_of<'a>(user: &'a Object, object: &Object) -> Option<(&'a Object, &'static str, Span)> {
    let kinds = ["Deployment", "StatefulSet", "DaemonSet"];
    if !kinds.iter().any(|kind| user.id.is("apps", kind)) || is_rolled_otherwise(user) {
        return None;
    }
    let pod = Pod::of(user)?;
    let is_secret = object.id.kind == "Secret";
    let (key, reference, volume, field) = match is_secret {
        true => ("secretKeyRef", "secretRef", "secret", "secretName"),
        false => ("configMapKeyRef", "configMapRef", "configMap", "name"),
    };
    let is_meant = |name: &&Node| name.as_text() == Some(&*object.id.name);
    let list = |node: &'a Node, field: &str| node.get(field).map(Node::items).unwrap_or_default();
    for container in pod.containers() {
        let from_env = list(container.node, "env").iter().filter_map(|env| env.at(&["valueFrom", key, "name"]));
        let from_all = list(container.node, "envFrom").iter().filter_map(|env| env.at(&[reference, "name"]));
        if let Some(name) = from_env.chain(from_all).find(is_meant) {
            return Some((user, "into their environment", name.span));
        }
        let volumes =
            list(pod.spec, "volumes").iter().filter(|one| one.at(&[volume, field]).as_ref().is_some_and(is_meant));
        let names: Vec<&str> = volumes.filter_map(|volume| volume.str_at(&["name"])).collect();
        let mounts = list(container.node, "volumeMounts").iter().filter(|mount| mount.get("subPath").is_some());
        let mount = mounts
            .filter_map(|mount| mount.get("name"))
            .find(|name| name.as_str().is_some_and(|name| names.contains(&name)));
        if let Some(mount) = mount {
            return Some((user, "through a subPath", mount.span));
        }
    }
    None
}

/// Whether something else restarts the pods: Reloader, or a checksum of the content in an annotation.
fn is_rolled_otherwise(user: &Object) -> bool {
    let places: [&[&str]; 2] = [&["metadata", "annotations"], &["spec", "template", "metadata", "annotations"]];
    let annotations = places.iter().filter_map(|path| user.root.at(path)).flat_map(Node::entries);
    annotations.into_iter().any(|entry| {
        let key = entry.key.text.to_ascii_lowercase();
        ["reloader", "checksum", "hash"].iter().any(|word| key.contains(word))
    })
}
