//! The table `rules/data/image-registries.tsv`.

use std::sync::LazyLock;

/// What became of a place of images.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Status {
    /// A pull fails.
    Gone,
    /// A pull will fail from a date on.
    Ending,
    /// Old tags only.
    Frozen,
    /// New releases appear elsewhere.
    Moved,
    /// Pulls work, nobody mends it.
    Unmaintained,
    /// Not the registry that it looks like.
    Lookalike,
}

/// One row.
pub(super) struct Row {
    prefix: &'static str,
    /// What became of it.
    pub(super) status: Status,
    /// When; empty if that is not known.
    pub(super) since: &'static str,
    /// The place where the same path and tag are to be found.
    pub(super) same: Option<&'static str>,
    /// What to use.
    pub(super) advice: &'static str,
}

static TABLE: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let lines = include_str!("../../../rules/data/image-registries.tsv").lines();
    // The first line that is no comment names the columns.
    lines.filter(|line| !line.starts_with('#')).skip(1).filter_map(row).collect()
});

fn row(line: &'static str) -> Option<Row> {
    let mut cells = line.split('\t');
    let (prefix, status, since) = (cells.next()?, cells.next()?, cells.next()?);
    let (same, advice) = (cells.next()?, cells.next()?);
    let status = match status {
        "gone" => Status::Gone,
        "ending" => Status::Ending,
        "frozen" => Status::Frozen,
        "moved" => Status::Moved,
        "unmaintained" => Status::Unmaintained,
        "lookalike" => Status::Lookalike,
        _ => return None,
    };
    Some(Row { prefix, status, since, same: Some(same).filter(|same| !same.is_empty()), advice })
}

/// What is known of the place of an image, by its full name.
pub(super) fn row_of(full: &str) -> Option<&'static Row> {
    let fits = |row: &&Row| {
        full.strip_prefix(row.prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || row.prefix.ends_with('-'))
    };
    TABLE.iter().filter(fits).max_by_key(|row| row.prefix.len())
}

impl Row {
    /// The same image at its new place; `None` where the path changed too.
    pub(super) fn moved(&self, full: &str) -> Option<String> {
        Some(format!("{}{}", self.same?, full.strip_prefix(self.prefix)?))
    }

    /// Whether its names still lead to images elsewhere. Only `k8s.gcr.io` answers with a redirect, to registry.k8s.io.
    pub(super) fn redirects(&self) -> bool {
        self.prefix.starts_with("k8s.gcr.io")
    }

    /// ` since 2023-04-03`, or nothing.
    pub(super) fn since_words(&self) -> String {
        if self.since.is_empty() { String::new() } else { format!(" since {}", self.since) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_row_and_the_longest_counts() {
        let lines = include_str!("../../../rules/data/image-registries.tsv").lines();
        let lines: Vec<_> = lines.filter(|line| !line.starts_with('#')).skip(1).collect();
        assert_eq!(TABLE.len(), lines.len());
        assert!(lines.iter().all(|line| line.split('\t').count() == 6), "six columns");
        assert_eq!(
            row_of("k8s.gcr.io/pause").and_then(|row| row.moved("k8s.gcr.io/pause")).as_deref(),
            Some("registry.k8s.io/pause")
        );
        assert!(row_of("k8s.gcr.io/metrics-server-amd64").is_some_and(|row| row.same.is_none()));
        assert!(row_of("k8s.gcr.iox/pause").is_none());
        assert!(row_of("gcr.io/k8s-staging-sig-storage/a").is_some());
        assert!(row_of("docker.io/bitnamilegacy/a").is_some_and(|row| row.status == Status::Unmaintained));
    }
}
