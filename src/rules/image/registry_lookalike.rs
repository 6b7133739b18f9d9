//! See `rules/image/image-registry-lookalike.md`.

use super::name::Name;
use super::places::each;
use super::registries::{Status, row_of};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::App(check);

/// Registries that people mean when they misspell one.
const KNOWN: [&str; 14] = [
    "docker.io",
    "ghcr.io",
    "gcr.io",
    "quay.io",
    "registry.k8s.io",
    "k8s.gcr.io",
    "mcr.microsoft.com",
    "public.ecr.aws",
    "registry.gitlab.com",
    "docker.elastic.co",
    "nvcr.io",
    "cgr.dev",
    "lscr.io",
    "registry.access.redhat.com",
];

fn check<'a>(app: &'a BuiltApp, _: &'a Repository, findings: &mut Findings<'a>) {
    each(app, findings, |place, findings| {
        let name = Name::of(&place.text);
        let listed = row_of(&name.full).filter(|row| row.status == Status::Lookalike);
        let Some(help) = listed.map(|row| row.advice.to_owned()).or_else(|| nearly(name.registry)) else { return };
        let message = format!(
            "{} names `{}`, and `{}` is no registry that is known, but looks like one. Whoever owns that name gets the pull, \
             and the credentials that a node sends with it",
            place.whose, place.text, name.registry
        );
        findings.report(place.name_span(), message).label("looks like another").help(help);
    });
}

/// Says which registry is meant where one letter is wrong, missing, too many or two are swapped. Short names are near
/// to too many others, and a registry of one's own may be called anything.
fn nearly(registry: &str) -> Option<String> {
    if registry.len() < 10 || registry.contains(':') || registry.contains("://") || KNOWN.contains(&registry) {
        return None;
    }
    let meant = KNOWN.iter().find(|known| known.len() >= 10 && strsim::damerau_levenshtein(registry, known) == 1)?;
    Some(format!("did you mean {meant}?"))
}
