//! Certificates that stand in objects: PEM in a Secret, base64 of it in its data and in CA bundles.
//!
//! Left out: keys, chains, signatures. Nothing here is secret: a certificate is shown to everybody who connects.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::time::Time;

use crate::config::Day;
use crate::kubernetes::{Object, secret};
use crate::yaml::Node;

/// A certificate, as far as rules ask.
#[derive(Debug)]
pub(super) struct Served {
    /// The first day on which it holds.
    pub(super) from: Day,
    /// The last day on which it holds, at least for a part.
    pub(super) until: Day,
    /// The names of hosts that it is for.
    pub(super) hosts: Vec<String>,
}

/// What a place that should hold certificates holds.
pub(super) enum Content {
    /// Certificates, the first first.
    Certificates(Vec<Served>),
    /// Something else; why.
    Broken(&'static str),
    /// It is not known: encrypted, filled in later, empty.
    Unknown,
}

/// The places of an object that hold certificates, and what they are for. `true` where they are served to others.
pub(super) fn places(object: &Object) -> Vec<(&Node, &'static str, bool)> {
    let mut found = Vec::new();
    if object.id.is("", "Secret") && object.root.str_at(&["type"]) == Some("kubernetes.io/tls") {
        for field in ["data", "stringData"] {
            found.extend(object.root.at(&[field, "tls.crt"]).map(|node| (node, "the certificate in `tls.crt`", true)));
        }
    }
    let bundle = "the CA bundle, by which the API server trusts the webhook,";
    if matches!(object.id.kind.as_str(), "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration") {
        let webhooks = object.root.get("webhooks").map(Node::items).unwrap_or_default();
        let bundles = webhooks.iter().filter_map(|webhook| webhook.at(&["clientConfig", "caBundle"]));
        found.extend(bundles.map(|node| (node, bundle, false)));
    }
    if object.id.is("apiregistration.k8s.io", "APIService") {
        found.extend(object.root.at(&["spec", "caBundle"]).map(|node| (node, bundle, false)));
    }
    found
}

/// Reads what a place holds: PEM, or base64 of it.
pub(super) fn read(node: &Node) -> Content {
    let Some(text) = node.as_text().map(str::trim) else { return Content::Unknown };
    if text.is_empty() || secret::is_filled_in(text) {
        return Content::Unknown;
    }
    if text.contains("-----BEGIN") {
        return of_pem(text);
    }
    match secret::decode(text).map(String::from_utf8) {
        // What cert-manager and others fill in later is a single character at times.
        Some(Ok(pem)) if pem.trim().is_empty() => Content::Unknown,
        Some(Ok(pem)) if pem.contains("-----BEGIN") => of_pem(&pem),
        Some(_) => Content::Broken("it holds no PEM"),
        None => Content::Unknown,
    }
}

fn of_pem(pem: &str) -> Content {
    let mut found = Vec::new();
    for block in pem.split("-----BEGIN CERTIFICATE-----").skip(1) {
        let Some((body, _)) = block.split_once("-----END CERTIFICATE-----") else {
            return Content::Broken("it ends before the certificate does");
        };
        let compact: String = body.split_whitespace().collect();
        let Ok(bytes) = BASE64_STANDARD.decode(compact) else {
            return Content::Broken("what stands between its first and last line is no base64");
        };
        let Some(served) = served(&bytes) else { return Content::Broken("what stands in it is no certificate") };
        found.push(served);
    }
    if found.is_empty() { Content::Broken("it holds no certificate") } else { Content::Certificates(found) }
}

fn served(bytes: &[u8]) -> Option<Served> {
    let certificate = Certificate::from_der(bytes).ok()?;
    let body = &certificate.tbs_certificate;
    let day = |time: Time| Day::of(time.to_date_time());
    let names = body.get::<SubjectAltName>().ok().flatten();
    let hosts = names.map(|(_, names)| names.0).unwrap_or_default();
    let hosts = hosts.iter().filter_map(|name| match name {
        GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase()),
        _ => None,
    });
    Some(Served { from: day(body.validity.not_before), until: day(body.validity.not_after), hosts: hosts.collect() })
}

impl Served {
    /// Whether the certificate is for a host. A star stands for one label.
    pub(super) fn covers(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let below = host.split_once('.').map(|(_, rest)| rest);
        self.hosts.iter().any(|name| *name == host || name.strip_prefix("*.").is_some_and(|rest| Some(rest) == below))
    }
}
