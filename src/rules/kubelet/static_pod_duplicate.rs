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
    let finding = findings.report(later.place(), message);
    finding.label("this one runs").related(earlier.place(), "this one does not");
    finding.help("keep one of the files, or give the Pods two names");
}
