//! The StorageClasses that well-known charts make: the table `rules/data/chart-storage-classes.tsv`.

use crate::helm::Release;
use crate::references::follow;

/// The names of a release's StorageClasses; `None` if they are not known.
pub(super) fn of(release: &Release) -> Option<Vec<&str>> {
    if release.incomplete || release.chart.directory.is_some() {
        return None;
    }
    let mut names = Vec::new();
    let mut is_known = false;
    // The first line that is no comment names the columns.
    let lines = include_str!("../../../rules/data/chart-storage-classes.tsv").lines();
    for line in lines.filter(|line| !line.starts_with('#')).skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [chart, path, default, _] = cells[..] else { continue };
        if chart != release.chart.name {
            continue;
        }
        is_known = true;
        let written = follow(&release.values, path);
        if written.is_empty() {
            // A list that is written takes the place of the default one.
            let (list, _) = path.split_once("[]").unwrap_or((path, ""));
            let is_replaced = list != path && !follow(&release.values, list).is_empty();
            names.extend(Some(default).filter(|name| !name.is_empty() && !is_replaced));
        }
        for node in written {
            names.push(node.as_text().filter(|name| !name.contains(['{', '$']))?);
        }
    }
    is_known.then_some(names)
}
