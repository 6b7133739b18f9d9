//! See `rules/kubelet/kubelet-static-pod-multiple-documents.md`.

use crate::gitops::FileClass;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::SourceFile;
use crate::yaml::{Node, Stream};

pub(crate) const CHECK: Check = Check::File(check);

fn check(file: &SourceFile, stream: &Stream, repository: &Repository, findings: &mut Findings<'_>) {
    if repository.class(file.id) != FileClass::StaticPod {
        return;
    }
    let mut roots =
        stream.documents.iter().filter_map(|document| document.root.as_ref()).filter(|root| !root.is_null());
    let Some(first) = roots.next() else { return };
    for later in roots {
        let kind = later.str_at(&["kind"]).unwrap_or("document");
        let name = later.at(&["metadata", "name"]).and_then(Node::as_text).unwrap_or_default();
        let what = format!("{kind} {name}");
        let message = format!(
            "the kubelet reads one Pod from a file, the first: {} is never started, and nothing says so",
            what.trim_end()
        );
        let span = later.at(&["metadata", "name"]).map_or(later.span, |name| name.span);
        let finding = findings.report(span, message);
        finding
            .label("passed over")
            .related(first.at(&["metadata", "name"]).map_or(first.span, |name| name.span), "the one that runs");
        finding.help("give each Pod a file of its own");
    }
}
