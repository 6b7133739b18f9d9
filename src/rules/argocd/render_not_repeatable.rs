//! See `rules/argocd/argocd-render-not-repeatable.md`.

use std::sync::LazyLock;

use crate::helm::Release;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Release(check);

struct Row {
    chart: &'static str,
    repository: &'static str,
    value: &'static str,
    settled: Vec<&'static str>,
}

static TABLE: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let text = include_str!("../../../rules/data/random-values.tsv");
    // The first line that is no comment names the columns.
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    let rows = lines.filter_map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let [chart, repository, value, settled, _] = cells[..] else { return None };
        Some(Row { chart, repository, value, settled: settled.split(',').collect() })
    });
    rows.collect()
});

fn check(release: &Release, app: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    let Some(application) = &app.app.application else { return };
    let ignored = application.spec(&["ignoreDifferences"]).map(Node::items).unwrap_or_default();
    // Who has thought of the Secrets knows.
    if release.incomplete || ignored.iter().any(|entry| entry.str_at(&["kind"]).is_none_or(|kind| kind == "Secret")) {
        return;
    }
    let repository = release.chart.repository.as_deref().unwrap_or_default();
    let made_up: Vec<&str> = TABLE
        .iter()
        .filter(|row| row.chart == release.chart.name && repository.contains(row.repository))
        .filter(|row| !row.settled.iter().any(|path| is_set(&release.values, path)))
        .map(|row| row.value)
        .collect();
    if made_up.is_empty() {
        return;
    }
    let values = made_up.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    let message = format!(
        "the chart {} makes up {values} anew each time Argo CD renders it, because no cluster can be asked for the old value \
         then: `{}` is OutOfSync again and again, and each sync puts new values into the Secrets",
        release.chart.name, app.app.name
    );
    findings
        .report(release.chart_span, message)
        .label("made up at each render")
        .help("set the values, or name Secrets that exist; or ignore the differences of the Secrets' `/data`");
}

/// Whether the release's values have something at a path that counts as set to a template.
fn is_set(values: &Node, path: &str) -> bool {
    let keys: Vec<&str> = path.split('.').collect();
    values.at(&keys).is_some_and(|node| {
        node.is_unknown() || node.value_text().is_some_and(|text| !text.is_empty()) && !node.is_null()
    })
}
