//! Services that may ask MetalLB for addresses: those that are built, and patches of those that a chart brings, which is
//! not rendered.

use std::borrow::Cow;

use crate::gitops::FileClass;
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::yaml::Node;

/// MetalLB's annotation for wanted addresses, since 0.15 and before.
pub(super) const ANNOTATIONS: [&str; 2] = ["metallb.io/loadBalancerIPs", "metallb.universe.tf/loadBalancerIPs"];

/// Every Service, and the app that has it where it is built.
pub(super) fn all(repository: &Repository) -> impl Iterator<Item = (Option<&BuiltApp>, Cow<'_, Object>)> {
    let is_service = |object: &Object| object.id.is("", "Service");
    let built = repository.objects_of("", "Service").map(|(app, object)| (Some(app), Cow::Borrowed(object)));
    let files = repository.files.sources.files();
    let patches =
        files.into_iter().filter(|file| repository.class(file.id) == FileClass::Patch).flat_map(move |file| {
            let stream = repository.files.stream(file.id);
            let roots = stream.documents.iter().filter_map(|document| document.root.clone());
            roots
                .filter_map(Object::new)
                .filter(is_service)
                .map(|object| (None, Cow::Owned(object)))
                .collect::<Vec<_>>()
        });
    built.chain(patches)
}

/// What a Service asks MetalLB for with its annotation.
pub(super) fn annotated(service: &Object) -> Option<&Node> {
    let annotations = service.root.at(&["metadata", "annotations"])?;
    ANNOTATIONS.iter().find_map(|key| annotations.get(key)).filter(|node| !node.is_null())
}
