//! See `rules/kubernetes/kubernetes-name-invalid.md`.

use super::plain_text;
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Object(check);

/// Forms of names, by apimachinery's `validation` package.
#[derive(Clone, Copy)]
enum Form {
    /// One part of a domain name: up to 63 characters.
    Label,
    /// Parts with dots between them: up to 253 characters.
    Subdomain,
}

fn check(object: &Object, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    let metadata = |key| object.root.at(&["metadata", key]);
    if let Some(namespace) = metadata("namespace")
        && let Some(text) = plain_text(namespace)
        && let Some(reason) = Form::Label.refuses(text)
        && !text.is_empty()
    {
        report("namespace", text, reason, namespace.span, findings);
    }
    let Some(name) = metadata("name") else { return };
    let (Some(text), Some(form)) = (plain_text(name), form(object)) else { return };
    if let Some(reason) = form.refuses(text) {
        report("name", text, reason, name.span, findings);
    }
}

fn report(what: &str, text: &str, reason: &str, span: crate::source::Span, findings: &mut Findings<'_>) {
    let message = format!("`{text}` can't be a {what}, so the API server refuses the object: {reason}");
    let finding = findings.report(span, message);
    let better = text.to_ascii_lowercase().replace(['_', ' '], "-");
    if better != text && Form::Subdomain.refuses(&better).is_none() {
        finding.help(format!("write `{better}`, here and wherever it is named"));
    }
}

/// The form of an object's name. Custom resources may have stricter rules, never milder ones.
fn form(object: &Object) -> Option<Form> {
    match (object.id.group.as_str(), object.id.kind.as_str()) {
        // Names of roles may hold colons and capitals; those of API services and definitions follow from other fields.
        ("rbac.authorization.k8s.io", _) | ("apiregistration.k8s.io", _) => None,
        ("", "Namespace" | "Service") => Some(Form::Label),
        // Lists and files that only look like objects.
        ("kustomize.config.k8s.io" | "kubeadm.k8s.io" | "eksctl.io" | "backstage.io", _) => None,
        _ => Some(Form::Subdomain),
    }
}

impl Form {
    fn refuses(self, text: &str) -> Option<&'static str> {
        let (longest, dots) = match self {
            Self::Label => (63, false),
            Self::Subdomain => (253, true),
        };
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || dots && byte == b'.';
        let is_end = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        let bytes = text.as_bytes();
        if !bytes.iter().copied().all(allowed) {
            return Some(match self {
                Self::Label => "only lower case letters, digits and `-` are allowed",
                Self::Subdomain => "only lower case letters, digits, `-` and `.` are allowed",
            });
        }
        if bytes.len() > longest {
            return Some(match self {
                Self::Label => "it is longer than 63 characters",
                Self::Subdomain => "it is longer than 253 characters",
            });
        }
        let parts_end_well =
            text.split('.').all(|part| is_end(part.as_bytes().first()) && is_end(part.as_bytes().last()));
        (!parts_end_well).then_some("it must start and end with a letter or digit")
    }
}
