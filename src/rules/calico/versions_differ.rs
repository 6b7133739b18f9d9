//! See `rules/calico/calico-versions-differ.md`.

use crate::kubernetes::{Object, Pod};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::App(check);

/// One of Calico's images.
struct Image<'a> {
    object: &'a Object,
    program: &'a str,
    container: Option<&'a str>,
    /// Whether it is an init container's.
    prepares: bool,
    tag: &'a str,
    place: Span,
}

fn check<'a>(app: &'a BuiltApp, _: &'a Repository, findings: &mut Findings<'a>) {
    let images: Vec<Image<'_>> = app.objects.iter().flat_map(images).collect();
    // The init container mount-bpffs has the node's image too, and is easily forgotten.
    let nodes = || images.iter().filter(|image| image.program == "node");
    let Some(node) = nodes().find(|image| !image.prepares).or_else(|| nodes().next()) else { return };
    for image in images.iter().filter(|image| image.tag != node.tag) {
        findings.about(Some(app), Some(image.object));
        let program = match image.container.filter(|_| image.program == node.program) {
            Some(container) => format!("{} in the container `{container}`", image.program),
            None => image.program.to_owned(),
        };
        let message = format!(
            "Calico's {program} is {} here, and its node {}: programs of one release are tested together only, and an image that \
             nothing else uses is the one that can't be pulled again when a registry is given up",
            image.tag, node.tag
        );
        let finding = findings.report(image.place, message);
        finding.related(node.place, "the node's release").help(format!("write `{}` in both places", node.tag));
    }
}

/// The images of Calico in an object's pods.
fn images(object: &Object) -> impl Iterator<Item = Image<'_>> {
    let pod = Pod::of(object);
    let first = pod.and_then(|pod| pod.spec.get("initContainers")).map(Node::items).unwrap_or_default();
    pod.into_iter().flat_map(Pod::containers).filter_map(move |container| {
        let prepares = first.iter().any(|other| other.span == container.node.span);
        let node = container.node.get("image")?;
        let (path, tag) = node.as_str()?.split_once('@').map_or(node.as_str()?, |(name, _)| name).rsplit_once(':')?;
        let program = path.rsplit_once("calico/")?.1;
        let known = ["node", "cni", "typha", "kube-controllers", "apiserver", "csi", "pod2daemon-flexvol"];
        (known.contains(&program) && tag.starts_with('v')).then_some(Image {
            object,
            program,
            container: container.name(),
            prepares,
            tag,
            place: node.span,
        })
    })
}
