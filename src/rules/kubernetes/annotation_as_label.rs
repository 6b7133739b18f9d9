//! See `rules/kubernetes/kubernetes-annotation-as-label.md`.

use crate::kubernetes::{Object, Pod};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Object(check);

/// Names that programs look for among annotations only, each from the documentation of the program it names. One that
/// ends in `/` stands for every name behind it.
const ANNOTATIONS: [&str; 33] = [
    "argocd.argoproj.io/compare-options",
    "argocd.argoproj.io/hook",
    "argocd.argoproj.io/hook-delete-policy",
    "argocd.argoproj.io/manifest-generate-paths",
    "argocd.argoproj.io/sync-options",
    "argocd.argoproj.io/sync-wave",
    "cert-manager.io/cluster-issuer",
    "cert-manager.io/common-name",
    "cert-manager.io/duration",
    "cert-manager.io/issuer",
    "cert-manager.io/issuer-kind",
    "external-dns.alpha.kubernetes.io/access",
    "external-dns.alpha.kubernetes.io/cloudflare-proxied",
    "external-dns.alpha.kubernetes.io/hostname",
    "external-dns.alpha.kubernetes.io/target",
    "external-dns.alpha.kubernetes.io/ttl",
    "forecastle.stakater.com/",
    "gethomepage.dev/",
    "haproxy.org/",
    "helm.sh/hook",
    "helm.sh/hook-delete-policy",
    "helm.sh/hook-weight",
    "helm.sh/resource-policy",
    "hajimari.io/",
    "kubernetes.io/ingress.class",
    "kubernetes.io/tls-acme",
    "metallb.io/loadBalancerIPs",
    "metallb.universe.tf/loadBalancerIPs",
    "nginx.ingress.kubernetes.io/",
    "reflector.v1.k8s.emberstack.com/",
    "reloader.stakater.com/auto",
    "storageclass.kubernetes.io/is-default-class",
    "traefik.ingress.kubernetes.io/router.",
];

fn check(object: &Object, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    let own = object.root.at(&["metadata", "labels"]);
    let pod = Pod::of(object).filter(|pod| !std::ptr::eq(pod.template, &object.root));
    let of_pod = pod.and_then(|pod| pod.template.at(&["metadata", "labels"]));
    for entry in own.into_iter().chain(of_pod).flat_map(Node::entries) {
        let key = entry.key.text.as_str();
        let is_known = ANNOTATIONS.iter().any(|known| match known.ends_with(['/', '.']) {
            true => key.starts_with(known),
            false => key == *known,
        });
        // Who writes it in both places serves selectors of his own.
        let annotated = object.root.at(&["metadata", "annotations", key]).is_some();
        if !is_known || annotated {
            continue;
        }
        let message = format!(
            "`{key}` is a label of {} here, but the program it is for reads annotations only, so it has no effect",
            object.id
        );
        findings.report(entry.key.span, message).label("nobody reads this label").help("write it under `annotations`");
    }
}
