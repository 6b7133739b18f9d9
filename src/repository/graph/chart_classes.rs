//! The StorageClasses that well-known charts make: the table `rules/data/chart-storage-classes.tsv`.

use crate::helm::{Binding, Release};
use crate::references::follow;
use crate::source::Span;
use crate::yaml::Node;

/// A line of the table; its head says what the columns mean.
struct Row {
    path: &'static str,
    default: &'static str,
    mark: &'static str,
    marked: bool,
    unless: &'static str,
    open: &'static str,
}

impl Row {
    /// Whether the chart's own values no longer hold: a list that is written takes the place of the default one.
    fn is_replaced(&self, release: &Release) -> bool {
        self.path.split_once("[]").is_some_and(|(list, _)| !follow(&release.values, list).is_empty())
    }
}

/// The lines of a chart, without the classes that its values leave out. `None` if the table does not know the chart, or
/// its values can't all be known.
fn rows(release: &Release) -> Option<Vec<Row>> {
    if release.incomplete || release.chart.directory.is_some() {
        return None;
    }
    // The first line that is no comment names the columns.
    let lines = include_str!("../../../rules/data/chart-storage-classes.tsv").lines();
    let mut rows = lines
        .filter(|line| !line.starts_with('#'))
        .skip(1)
        .filter_map(|line| {
            let cells: Vec<&'static str> = line.split('\t').collect();
            let [chart, path, default, mark, marked, unless, open, _] = cells[..] else { return None };
            let row = Row { path, default, mark, marked: marked == "true", unless, open };
            (chart == release.chart.name).then_some(row)
        })
        .peekable();
    rows.peek()?;
    let rows: Vec<Row> = rows.collect();
    let is_set = |node: &&Node| !node.is_null() && node.as_bool() != Some(false);
    let is_open = |row: &Row| !row.open.is_empty() && follow(&release.values, row.open).iter().any(is_set);
    if rows.iter().any(is_open) {
        return None;
    }
    let is_off = |row: &Row| {
        let values = follow(&release.values, row.unless);
        !row.unless.is_empty() && values.iter().any(|node| node.as_bool() == Some(false))
    };
    Some(rows.into_iter().filter(|row| !is_off(row)).collect())
}

/// What is written at a path, but not in a map that `enabled: false` switches off.
fn written<'a>(release: &'a Release, path: &str) -> Vec<&'a Node> {
    let Some((map, key)) = path.rsplit_once('.') else { return Vec::new() };
    let maps = follow(&release.values, map).into_iter();
    let on = maps.filter(|map| map.get("enabled").and_then(Node::as_bool) != Some(false));
    on.filter_map(|map| map.get(key)).collect()
}

/// The names of a release's StorageClasses; `None` if they are not known.
pub(super) fn of(release: &Release) -> Option<Vec<&str>> {
    let mut names = Vec::new();
    for row in rows(release)? {
        let written = written(release, row.path);
        if written.is_empty() && !row.default.is_empty() && !row.is_replaced(release) {
            names.push(row.default);
        }
        for node in written {
            names.push(node.as_text().filter(|name| !name.contains(['{', '$']))?);
        }
    }
    Some(names)
}

/// Where a release makes one of its StorageClasses the default: the value that says so, or the chart's name where its own
/// default does.
pub(crate) fn defaults(release: &Release) -> Vec<Span> {
    let rows = rows(release).filter(|_| release.binding == Binding::Declared).unwrap_or_default();
    let of_row = |row: &Row| {
        let marks = written(release, row.mark);
        if marks.is_empty() && row.marked && !row.is_replaced(release) {
            return vec![release.chart_span];
        }
        marks.iter().filter(|mark| mark.as_bool() == Some(true)).map(|mark| mark.span).collect()
    };
    rows.iter().flat_map(of_row).collect()
}
