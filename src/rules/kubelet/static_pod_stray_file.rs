//! See `rules/kubelet/kubelet-static-pod-stray-file.md`.

use super::static_pods::{Directory, StaticFile, directories};
use crate::finding::{Confidence, Severity};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::Span;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    for directory in directories(repository) {
        for (at, stray) in directory.files.iter().enumerate().filter(|(_, file)| !file.is_named_as_manifest()) {
            if stray.pod.is_some() {
                tell(stray, at, &directory, findings);
            } else if directory.is_kubeadms {
                let message = format!(
                    "`{}` is no Pod, and the kubelet tries to read every file in this directory: it logs \"Can't process \
                     manifest file\" every 20 seconds",
                    stray.name()
                );
                let finding = findings.report(Span::start_of(stray.file.id), message);
                finding.severity(Severity::Info).confidence(Confidence::Medium).help("keep it in another directory");
            }
        }
    }
}

fn tell(stray: &StaticFile, at: usize, directory: &Directory, findings: &mut Findings<'_>) {
    let twin = directory.files.iter().enumerate().find(|(other, file)| *other != at && file.key() == stray.key());
    let name = stray.name();
    let (namespace, pod) = stray.key().unwrap_or(("default", ""));
    let Some((other, twin)) = twin.filter(|_| stray.key().is_some()) else {
        let message = format!(
            "`{name}` is not put aside by its name: the kubelet reads every file in this directory, so it runs this Pod"
        );
        findings.report(stray.place(), message).label("runs").help(help(name));
        return;
    };
    let images = match (stray.image(), twin.image()) {
        (Some(strays), Some(twins)) if strays != twins => {
            let (wins, loses) = if at > other { (strays, twins) } else { (twins, strays) };
            format!(" The image `{wins}` runs, not `{loses}`")
        }
        _ => String::new(),
    };
    let (winner, loser) = if at > other { (name, twin.name()) } else { (twin.name(), name) };
    let message = format!(
        "the kubelet reads every file in this directory, so `{name}` describes the Pod {namespace}/{pod} a second time. The \
         last name in the alphabet wins: `{winner}` runs, and every change of `{loser}` is undone.{images}"
    );
    let finding = findings.report(stray.place(), message);
    finding.label("the same Pod again").related(twin.place(), format!("described in `{}` too", twin.name()));
    finding.help(help(name));
}

fn help(name: &str) -> String {
    format!("move it to another directory, or start its name with a dot: `.{name}`")
}
