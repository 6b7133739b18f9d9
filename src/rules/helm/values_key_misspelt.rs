//! See `rules/helm/helm-values-key-misspelt.md`.

use std::collections::BTreeMap;

use crate::helm::Release;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::FileId;
use crate::yaml::Key;

pub(crate) const CHECK: Check = Check::Release(check);

/// Shorter names are near to too many others.
const SHORTEST: usize = 5;

fn check(release: &Release, _: &BuiltApp, repository: &Repository, findings: &mut Findings<'_>) {
    if release.files.len() < 2 {
        return;
    }
    let keys = top_level(release, repository);
    for (name, holders) in &keys {
        let [(file, ref key)] = holders[..] else { continue };
        let meant = keys
            .iter()
            .find(|(other, others)| is_slip(name, other) && others.iter().all(|(holder, _)| *holder != file));
        let Some((meant, others)) = meant else { continue };
        // Of two names that stand once each, the chart's own is right; else the later file follows the earlier.
        let own = |name: &str| name == release.chart.name || name == release.name;
        let at = |file: Option<FileId>| release.files.iter().position(|id| Some(*id) == file);
        let is_later = at(Some(file)) > at(others.first().map(|(holder, _)| *holder));
        if others.len() == 1 && (own(name) || !own(meant) && !is_later) {
            continue;
        }
        let message = format!(
            "`{name}` stands in this values file only, and the others have `{meant}`: if the one is the other misspelt, \
             everything below it is ignored"
        );
        let finding = findings.report(key.span, message);
        finding.label(format!("`{meant}`?"));
        if let Some((_, other)) = others.first() {
            finding.related(other.span, format!("`{meant}` in another file of the same release"));
        }
        finding.help(format!("did you mean `{meant}`?"));
    }
}

type Holders = Vec<(FileId, Key)>;

/// The keys at the top of the release's values files that hold maps.
fn top_level(release: &Release, repository: &Repository) -> BTreeMap<String, Holders> {
    let mut keys: BTreeMap<String, Holders> = BTreeMap::new();
    for file in &release.files {
        let stream = repository.files.stream(*file);
        let Some(root) = stream.documents.iter().find_map(|document| document.root.as_ref()) else { continue };
        for entry in root.entries().iter().filter(|entry| entry.value.as_mapping().is_some()) {
            let holders = keys.entry(entry.key.text.to_string()).or_default();
            if holders.last().is_none_or(|(last, _)| last != file) {
                holders.push((*file, entry.key.clone()));
            }
        }
    }
    keys
}

/// One letter more, less, other or swapped. One and many, and numbered names, are names of their own.
fn is_slip(name: &str, other: &str) -> bool {
    let stem = |text: &str| text.trim_end_matches(|last: char| last == 's' || last.is_ascii_digit()).to_owned();
    name.len() >= SHORTEST && strsim::damerau_levenshtein(name, other) == 1 && stem(name) != stem(other)
}
