//! See `rules/container/container-non-root-without-user.md`.

use std::sync::LazyLock;

use crate::kubernetes::{Container, Distribution, Object, Pod};
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

fn check(object: &Object, _: &BuiltApp, repository: &Repository, findings: &mut Findings<'_>) {
    let Some(pod) = Pod::of(object).filter(|pod| !is_of_windows(*pod)) else { return };
    // OpenShift gives every pod a user of its namespace's range.
    let gives_users = repository.distributions.contains(&Distribution::OpenShift);
    for container in pod.containers() {
        let Some(required) = setting(pod, container, "runAsNonRoot") else { continue };
        if required.as_bool() != Some(true) {
            continue;
        }
        if let Some(user) = setting(pod, container, "runAsUser") {
            of_user(object, container, required, user, findings);
            continue;
        }
        if gives_users {
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

/// Judges a user that is given: root, or no number at all.
fn of_user(object: &Object, container: Container<'_>, required: &Node, user: &Node, findings: &mut Findings<'_>) {
    let name = container.name().unwrap_or_default();
    if user.as_i64() == Some(0) {
        let message = format!(
            "the container `{name}` of {} must not run as root, and `runAsUser` is root: it stays in \
             CreateContainerConfigError, `container's runAsUser breaks non-root policy`",
            object.id
        );
        let finding = findings.report(user.span, message);
        finding.label("root").related(required.span, "root is forbidden here");
        finding.help("write the number of another user, or remove `runAsNonRoot`");
        return;
    }
    let is_open = user.is_unknown() || user.as_text().is_some_and(|text| text.contains(['$', '{', '<']));
    if user.as_i64().is_none() && !is_open {
        let message = format!(
            "`runAsUser` of the container `{name}` of {} is no number: the API server refuses the object, so that what ran \
             before stays",
            object.id
        );
        findings.report(user.span, message).help("write a number without quotes");
    }
}

fn is_of_windows(pod: Pod<'_>) -> bool {
    pod.spec.str_at(&["os", "name"]) == Some("windows")
        || pod.spec.str_at(&["nodeSelector", "kubernetes.io/os"]) == Some("windows")
}

/// A setting of the security context: the container's own, else the pod's.
fn setting<'a>(pod: Pod<'a>, container: Container<'a>, key: &str) -> Option<&'a Node> {
    let own = container.node.at(&["securityContext", key]);
    own.or_else(|| pod.spec.at(&["securityContext", key])).filter(|node| !node.is_null())
}

/// The user an image starts as, if it is one that can't be told to be another than root.
fn user_of(image: &str) -> Option<&'static str> {
    if ["rootless", "unprivileged", "nonroot", "non-root", "distroless"].iter().any(|word| image.contains(word)) {
        return None;
    }
    let (image, has_digest) = image.split_once('@').map_or((image, false), |(image, _)| (image, true));
    let at = image.rfind(':').filter(|colon| !image.get(*colon..).is_some_and(|tag| tag.contains('/')));
    // Which variant a digest alone means is not known.
    if has_digest && at.is_none() {
        return None;
    }
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
