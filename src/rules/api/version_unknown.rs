//! See `rules/api/api-version-unknown.md`.

use crate::finding::nearest;
use crate::kubernetes::{Object, api_version_of, builtin_kinds, groups_with, kinds_of, lifecycle, was_ever_served};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Object(check);

/// Kinds of the core group that no custom resource is known to be named after, as `Service` and `Secret` are.
const ONLY_CORE: [&str; 6] =
    ["ConfigMap", "PersistentVolumeClaim", "PersistentVolume", "LimitRange", "ResourceQuota", "ReplicationController"];

/// Names shorter than this differ by a letter and are names of their own.
const SHORTEST: usize = 6;

/// Names longer than this are not compared.
const LONGEST: usize = 128;

fn check(object: &Object, _: &BuiltApp, repository: &Repository, findings: &mut Findings<'_>) {
    let (group, version, kind) = (&object.id.group, &object.id.version, &object.id.kind);
    let Some(api_version) = object.root.get("apiVersion") else { return };
    let written = object.id.api_version();
    if !group.is_empty() && ONLY_CORE.contains(&kind.as_str()) && repository.definitions.get(group, kind).is_none() {
        let message = format!(
            "{kind} is a kind of `v1`, and nothing here defines one in {written}. Applying it fails with `no matches for \
             kind \"{kind}\" in version \"{written}\"`"
        );
        findings.report(api_version.span, message).help("write v1");
        return;
    }
    if was_ever_served(group, version, kind).is_none() {
        return custom(object, repository, findings);
    }
    if was_ever_served(group, version, kind) != Some(false)
        || lifecycle(&written, kind).is_some()
        || kind.ends_with("List")
        || repository.definitions.get(group, kind).is_some()
    {
        return;
    }
    let home = api_version_of(kind);
    let similar = nearest(kind, builtin_kinds());
    // The core group's version is also written in files that are no API objects, such as a kubeconfig.
    if group.is_empty() && home.is_none() && similar.is_none() {
        return;
    }
    let message = format!(
        "no release of Kubernetes serves {kind} in {written}. Applying it fails with `no matches for kind \"{kind}\" in \
         version \"{written}\"`"
    );
    match (home, similar) {
        (Some(home), _) => findings.report(api_version.span, message).help(format!("write {home}")),
        (None, Some(similar)) => {
            let span = object.root.get("kind").map_or(api_version.span, |kind| kind.span);
            findings.report(span, message).help(format!("did you mean `{similar}`?"))
        }
        (None, None) => findings.report(api_version.span, message),
    };
}

/// A custom resource of a kind that nobody knows, where one that is known differs by a letter: in its kind, if the group is
/// known, else in its group.
fn custom(object: &Object, repository: &Repository, findings: &mut Findings<'_>) {
    let (group, kind) = (object.id.group.as_str(), object.id.kind.as_str());
    let known = |group: &str| kinds_of(group).next().is_some();
    if !group.contains('.') || kind.ends_with("List") || repository.definitions.get(group, kind).is_some() {
        return;
    }
    let slip = |one: &str, other: &str| {
        one.len().min(other.len()) >= SHORTEST
            && one.len().max(other.len()) <= LONGEST
            && one.trim_end_matches('s') != other.trim_end_matches('s')
            && strsim::damerau_levenshtein(one, other) == 1
    };
    let near = match known(group) {
        true if kinds_of(group).any(|own| own == kind) => None,
        true => kinds_of(group).filter(|own| slip(kind, own)).min().map(|near| ("kind", near)),
        false => groups_with(kind).filter(|other| slip(group, other)).min().map(|near| ("apiVersion", near)),
    };
    let Some((field, near)) = near else { return };
    let written = object.id.api_version();
    let message = format!(
        "nothing is known to serve {kind} in {written}, and nothing here defines it. Applying it fails with `no matches for \
         kind \"{kind}\" in version \"{written}\"`"
    );
    let span = object.root.get(field).map_or(object.root.span, |node| node.span);
    let meant = if field == "kind" { near.to_owned() } else { format!("{near}/{}", object.id.version) };
    findings.report(span, message).help(format!("did you mean `{meant}`?"));
}
