//! See `rules/api/api-version-unknown.md`.

use crate::finding::nearest;
use crate::kubernetes::{Object, api_version_of, builtin_kinds, lifecycle, was_ever_served};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Object(check);

/// Kinds of the core group that no custom resource is known to be named after, as `Service` and `Secret` are.
const ONLY_CORE: [&str; 6] =
    ["ConfigMap", "PersistentVolumeClaim", "PersistentVolume", "LimitRange", "ResourceQuota", "ReplicationController"];

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
