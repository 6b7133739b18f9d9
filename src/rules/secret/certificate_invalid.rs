//! See `rules/secret/secret-certificate-invalid.md`.

use super::certificate::{Content, Served, places, read};
use crate::kubernetes::Object;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    for app in &repository.apps {
        let ingresses: Vec<&Object> =
            app.objects.iter().filter(|object| object.id.is("networking.k8s.io", "Ingress")).collect();
        for object in &app.objects {
            findings.about(Some(app), Some(object));
            for (node, what, is_served) in places(object) {
                match read(node) {
                    Content::Unknown => {}
                    Content::Broken(why) => {
                        let message = format!("{what} of {} can't be read: {why}", object.id);
                        findings
                            .report(node.span, message)
                            .help("write the whole PEM file, from its first line to its last");
                    }
                    Content::Certificates(certificates) if is_served => {
                        let Some(first) = certificates.first().filter(|first| !first.hosts.is_empty()) else {
                            continue;
                        };
                        let home = repository.home_of(app, object);
                        for ingress in ingresses.iter().filter(|ingress| repository.home_of(app, ingress) == home) {
                            hosts(ingress, object, node, first, findings);
                        }
                    }
                    Content::Certificates(_) => {}
                }
            }
        }
    }
}

/// Speaks of the hosts that an Ingress serves with a certificate which is not for them.
fn hosts(ingress: &Object, secret: &Object, certificate: &Node, served: &Served, findings: &mut Findings<'_>) {
    for tls in ingress.root.at(&["spec", "tls"]).map(Node::items).unwrap_or_default() {
        if tls.str_at(&["secretName"]) != Some(secret.id.name.as_str()) {
            continue;
        }
        for host in tls.get("hosts").map(Node::items).unwrap_or_default() {
            let Some(name) = host.as_text().filter(|name| !name.contains(['$', '{'])) else { continue };
            if served.covers(name) {
                continue;
            }
            let message = format!(
                "{} serves `{name}` with the certificate of {}, which is for {}: browsers and clients refuse it",
                ingress.id,
                secret.id,
                served.hosts.join(", ")
            );
            let finding = findings.report(host.span, message);
            finding.label("not in the certificate").related(certificate.span, "the certificate");
            finding.help("have a certificate made for this host too");
        }
    }
}
