//! See `rules/kubelet/kubelet-configuration-invalid.md`.

use crate::gitops::FileClass;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::{SourceFile, Span};
use crate::yaml::{Node, Stream};

pub(crate) const CHECK: Check = Check::File(check);

/// Where the kubelet clears images away unless it is told otherwise, in percent of the disk.
const HIGH: i64 = 85;
/// Until where.
const LOW: i64 = 80;

fn check(file: &SourceFile, stream: &Stream, repository: &Repository, findings: &mut Findings<'_>) {
    if repository.class(file.id) != FileClass::Configuration {
        return;
    }
    for root in stream.documents.iter().filter_map(|document| document.root.as_ref()) {
        let is_kubelets = root.str_at(&["kind"]) == Some("KubeletConfiguration")
            && root.str_at(&["apiVersion"]).is_some_and(|version| version.starts_with("kubelet.config.k8s.io/"));
        if is_kubelets {
            thresholds(root, findings);
            logs(root, findings);
        }
    }
}

fn thresholds(root: &Node, findings: &mut Findings<'_>) {
    let (high, low) = (root.get("imageGCHighThresholdPercent"), root.get("imageGCLowThresholdPercent"));
    for node in [high, low].into_iter().flatten() {
        if let Some(percent) = node.as_i64().filter(|percent| !(0..=100).contains(percent)) {
            refused(
                node.span,
                format!("{percent} is no percentage of a disk"),
                "write a number from 0 to 100",
                findings,
            );
            return;
        }
    }
    let value = |node: Option<&Node>, default| node.map_or(Some(default), Node::as_i64);
    let (Some(above), Some(below)) = (value(high, HIGH), value(low, LOW)) else { return };
    if let Some(place) = low.or(high).filter(|_| below >= above) {
        let what = format!(
            "images are cleared away from {above} % of the disk on, until {below} %, and the second number must be the smaller \
             one"
        );
        refused(place.span, what, "the defaults are 85 and 80", findings);
    }
}

fn logs(root: &Node, findings: &mut Findings<'_>) {
    if let Some(node) = root.get("containerLogMaxFiles")
        && node.as_i64().is_some_and(|files| files < 2)
    {
        refused(
            node.span,
            "a log is rotated between at least two files".to_owned(),
            "write 2 or more; the default is 5",
            findings,
        );
    }
}

fn refused(span: Span, what: String, help: &str, findings: &mut Findings<'_>) {
    let message =
        format!("{what}: the kubelet refuses its configuration and does not start, and the node stays NotReady");
    findings.report(span, message).help(help);
}
