//! See `rules/prometheus/prometheus-retention-exceeds-volume.md`.

use crate::helm::Release;
use crate::kubernetes::{Object, Quantity};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::App(check);

fn check<'a>(app: &'a BuiltApp, _: &'a Repository, findings: &mut Findings<'a>) {
    let is_prometheus = |object: &&Object| object.id.is("monitoring.coreos.com", "Prometheus");
    for object in app.objects.iter().filter(is_prometheus) {
        findings.about(Some(app), Some(object));
        let spec = object.root.get("spec");
        judge(spec, &["storage", "volumeClaimTemplate"], findings);
    }
    findings.about(Some(app), None);
    let is_stack = |release: &&Release| release.chart.name == "kube-prometheus-stack" && !release.incomplete;
    for release in app.releases.iter().filter(is_stack) {
        let spec = release.values.at(&["prometheus", "prometheusSpec"]);
        judge(spec, &["storageSpec", "volumeClaimTemplate"], findings);
    }
}

fn judge(spec: Option<&Node>, claim: &[&str], findings: &mut Findings<'_>) -> Option<()> {
    let kept = spec?.get("retentionSize")?;
    let size = spec?.at(claim)?.at(&["spec", "resources", "requests", "storage"])?;
    let (bytes, room) = (bytes(kept.as_text()?)?, Quantity::of(size)?.ok()?.billionths() / 1_000_000_000);
    if bytes < room {
        return None;
    }
    let (kept_text, size_text) = (kept.as_text().unwrap_or_default(), size.as_text().unwrap_or_default());
    let message = format!(
        "Prometheus keeps up to {kept_text} of data on a volume of {size_text}: the volume is full before the oldest data is \
         dropped, and Prometheus stops to write, \"no space left on device\""
    );
    let finding = findings.report(kept.span, message);
    finding.label("as much as there is").related(size.span, "the volume's size");
    finding.help("keep about four fifths of the volume: its log and compactions need room beside the blocks");
    Some(())
}

/// A size as Prometheus writes it, whose units are powers of 1024. Source: the operator's API, `retentionSize`.
fn bytes(text: &str) -> Option<i128> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let number: i128 = text.get(..end)?.parse().ok()?;
    let power = match text.get(end..)? {
        "" | "0" | "B" => 0,
        "KB" | "KiB" => 1,
        "MB" | "MiB" => 2,
        "GB" | "GiB" => 3,
        "TB" | "TiB" => 4,
        "PB" | "PiB" => 5,
        _ => return None,
    };
    number.checked_mul(1024_i128.checked_pow(power)?)
}
