//! See `rules/metallb/metallb-address-fields-conflict.md`.

use super::services;
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    for (app, service) in services::all(repository) {
        let field = service.root.at(&["spec", "loadBalancerIP"]);
        let field = field.filter(|node| node.as_text().is_some_and(|text| !text.is_empty()));
        let (Some(field), Some(annotation)) = (field, services::annotated(&service)) else { continue };
        findings.about(app, None);
        let message = format!(
            "{} asks for an address with `spec.loadBalancerIP` and with MetalLB's annotation. MetalLB refuses such a Service, \
             `service can not have both`, and it stays without an address",
            service.id
        );
        let finding = findings.report(field.span, message);
        finding
            .label("the annotation asks already")
            .related(annotation.span, "the annotation")
            .help("remove `loadBalancerIP`; the annotation takes several addresses and both families");
        finding.object = Some(service.id.to_string());
    }
}
