//! See `rules/container/container-non-root-without-user.md`.

use std::sync::LazyLock;

use crate::kubernetes::{Container, Object, Pod};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Object(check);

/// Images and their users.
static IMAGES: LazyLock<Vec<(&'static str, &'static str)>> = LazyLock::new(|| {
    let text = include_str!("../../../rules/data/root-images.tsv");
    // The first line that is no comment names the columns.
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    lines
        .filter_map(|line| line.split_once('\t'))
        .map(|(image, rest)| (image, rest.split('\t').next().unwrap_or(rest)))
        .collect()
});

fn check(object: &Object, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    let Some(pod) = Pod::of(object) else { return };
    for container in pod.containers() {
        let Some(required) = setting(pod, container, "runAsNonRoot") else { continue };
        if required.as_bool() != Some(true) || setting(pod, container, "runAsUser").is_some() {
            continue;
        }
        let Some((image, user)) = container.image().and_then(|image| Some((image, user_of(image)?))) else { continue };
        let name = container.name().unwrap_or_default();
        let (start, reason) = match user {
            "root" => ("starts as root", "container has runAsNonRoot and image will run as root".to_owned()),
            user => ("names its user, and the kubelet can't tell whose number that is", {
                format!("container has runAsNonRoot and image has non-numeric user ({user})")
            }),
        };
        let message = format!(
            "the container `{name}` of {} must not run as root, but its image {start}, and no `runAsUser` says otherwise: it \
             stays in CreateContainerConfigError, `{reason}`",
            object.id
        );
        let finding = findings.report(required.span, message);
        finding.label("no user is given");
        if let Some(node) = container.node.get("image") {
            finding.related(node.span, format!("`{image}` {start}"));
        }
        finding.help("add a numeric `runAsUser` that the image can run as, or take an image made for it");
    }
}

/// A setting of the security context: the container's own, else the pod's.
fn setting<'a>(pod: Pod<'a>, container: Container<'a>, key: &str) -> Option<&'a Node> {
    let own = container.node.at(&["securityContext", key]);
    own.or_else(|| pod.spec.at(&["securityContext", key])).filter(|node| !node.is_null())
}

/// The user an image starts as, if it is one that can't be told to be another than root.
fn user_of(image: &str) -> Option<&'static str> {
    if ["rootless", "unprivileged", "nonroot", "non-root"].iter().any(|word| image.contains(word)) {
        return None;
    }
    let image = image.split('@').next().unwrap_or(image);
    let at = image.rfind(':').filter(|colon| !image.get(*colon..).is_some_and(|tag| tag.contains('/')));
    let repository = at.and_then(|at| image.get(..at)).unwrap_or(image);
    let repository =
        repository.strip_prefix("docker.io/").or(repository.strip_prefix("index.docker.io/")).unwrap_or(repository);
    let repository = repository.strip_prefix("library/").unwrap_or(repository);
    let known = IMAGES.iter().find(|(pattern, _)| match pattern.strip_suffix('*') {
        Some(start) => repository.starts_with(start),
        None => repository == *pattern,
    });
    known.map(|(_, user)| *user)
}
