//! See `rules/kubelet/kubelet-static-pod-duplicate.md`.

use std::collections::BTreeMap;

use super::static_pods::{StaticFile, directories};
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    for directory in directories(repository) {
        let mut last: BTreeMap<(&str, &str), &StaticFile> = BTreeMap::new();
        for file in directory.files.iter().filter(|file| file.is_named_as_manifest()) {
            let Some(key) = file.key() else { continue };
            if let Some(earlier) = last.insert(key, file) {
                tell(earlier, file, key, findings);
            }
        }
    }
}

fn tell(earlier: &StaticFile, later: &StaticFile, (namespace, name): (&str, &str), findings: &mut Findings<'_>) {
    let images = match (later.image(), earlier.image()) {
        (Some(wins), Some(loses)) if wins != loses => format!(". The image `{wins}` runs, not `{loses}`"),
        _ => String::new(),
    };
    let message = format!(
        "`{}` and `{}` describe one Pod, {namespace}/{name}. The kubelet keeps one of a name, and the last file in the \
         alphabet wins: every change of `{}` is undone{images}",
        earlier.name(),
        later.name(),
        earlier.name()
    );
    // A copy that loses is still the file that should not be here.
    if is_copy(earlier.name()) && !is_copy(later.name()) {
        let message = format!(
            "`{}` and `{}` describe one Pod, {namespace}/{name}. The kubelet reads every file of the directory, keeps one Pod \
             of a name, and the last file in the alphabet wins: this one never runs, until the other is taken away{images}",
            earlier.name(),
            later.name()
        );
        let finding = findings.report(earlier.place(), message);
        finding.label("this one does not run").related(later.place(), "this one runs");
        finding.help("keep copies in another directory");
        return;
    }
    let finding = findings.report(later.place(), message);
    finding.label("this one runs").related(earlier.place(), "this one does not");
    finding.help("keep one of the files, or give the Pods two names");
}

/// Whether a file's name says that it is a copy of another.
fn is_copy(name: &str) -> bool {
    let words = name.to_ascii_lowercase();
    let mut words = words.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.any(|word| {
        matches!(word, "bak" | "backup" | "copy" | "old" | "orig" | "original" | "save" | "saved" | "tmp" | "prev")
    })
}
