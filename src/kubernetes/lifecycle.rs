//! When API versions came, were deprecated and went: the table `rules/data/api-lifecycles.tsv`.
//!
//! Left out: what a custom resource definition in the repository says (`definitions`), and what is made of the facts
//! (`rules::api`).

use std::sync::LazyLock;

use foldhash::{HashMap, HashMapExt};

use super::Version;

/// The oldest Kubernetes release that was still maintained when the table was made. An API that it lacks is lacking in
/// every supported cluster.
pub const OLDEST_SUPPORTED: Version = Version::new(1, 34);

/// What is known of one API version of some kinds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lifecycle {
    /// Whose releases the versions count: `kubernetes`, `kubeadm`, or the program that brings the custom resource.
    pub component: &'static str,
    /// First release that serves it.
    pub introduced: Option<Version>,
    /// First release that calls it deprecated.
    pub deprecated: Option<Version>,
    /// First release without it; planned removals included.
    pub removed: Option<Version>,
    /// What to write instead, with the kind where that changes too.
    pub replacement: Option<&'static str>,
    /// Served only where `--runtime-config` or a feature gate asks for it.
    pub off_by_default: bool,
    /// No API object but a file that a program of the component reads.
    pub is_file: bool,
    /// Keys that keep a change of `apiVersion` alone from being enough; `None` if it is never enough.
    pub rename_unless: Option<&'static str>,
    /// What else changes, as part of a sentence.
    pub change: Option<&'static str>,
}

/// Facts by API version, then by kind.
type Table = HashMap<&'static str, HashMap<&'static str, Lifecycle>>;

static TABLE: LazyLock<Table> = LazyLock::new(|| read(include_str!("../../rules/data/api-lifecycles.tsv")));

/// The facts about a kind in an API version; `None` if nothing is known or nothing ever happened to it.
pub fn lifecycle(api_version: &str, kind: &str) -> Option<&'static Lifecycle> {
    let kinds = TABLE.get(api_version)?;
    kinds.get(kind).or_else(|| kinds.get("*"))
}

/// An API version of the kind that a release serves by default, by the table; the newest if there are several.
pub fn served_version(group: &str, kind: &str, release: Version) -> Option<&'static str> {
    let served = |row: &Lifecycle| {
        row.introduced.is_some_and(|introduced| introduced <= release)
            && row.removed.is_none_or(|removed| release < removed)
            && !row.off_by_default
    };
    let versions =
        TABLE.iter().filter(|(api_version, _)| api_version.rsplit_once('/').map_or("", |(own, _)| own) == group);
    let rows = versions.filter_map(|(api_version, kinds)| Some((*api_version, kinds.get(kind)?)));
    let newest = rows.filter(|(_, row)| served(row)).max_by_key(|(api_version, row)| (row.introduced, *api_version));
    newest.map(|(api_version, _)| api_version)
}

fn read(text: &'static str) -> Table {
    let mut table = Table::new();
    // The first line that is no comment names the columns.
    for line in text.lines().filter(|line| !line.starts_with('#')).skip(1) {
        let mut cells = line.split('\t').map(|cell| Some(cell).filter(|cell| !cell.is_empty()));
        let mut next = || cells.next().flatten();
        let (Some(api_version), Some(kinds), Some(component)) = (next(), next(), next()) else { continue };
        let mut version = || next().and_then(Version::parse);
        let (introduced, deprecated, removed) = (version(), version(), version());
        let replacement = next();
        let flags = next().unwrap_or_default();
        let lifecycle = Lifecycle {
            component,
            introduced,
            deprecated,
            removed,
            replacement,
            off_by_default: flags.contains("off"),
            is_file: flags.contains("file"),
            rename_unless: next().map(|keys| if keys == "yes" { "" } else { keys }),
            change: next(),
        };
        table.entry(api_version).or_default().extend(kinds.split(',').map(|kind| (kind, lifecycle)));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        let rows =
            TABLE.iter().flat_map(|(api_version, kinds)| kinds.iter().map(move |(kind, row)| (api_version, kind, row)));
        assert!(rows.clone().count() > 300, "only {} rows were read", rows.count());
        for (api_version, kind, facts) in rows {
            let name = format!("{api_version} {kind}");
            let known = [facts.introduced, facts.deprecated, facts.removed];
            let order: Vec<Version> = known.into_iter().flatten().collect();
            assert!(!order.is_empty(), "{name} has no version at all");
            assert!(order.is_sorted(), "{name}: {order:?}");
            if facts.rename_unless.is_some() {
                let replacement = facts.replacement.unwrap_or_default();
                assert!(!replacement.is_empty() && !replacement.contains(' '), "{name} is renamed to {replacement:?}");
            }
        }
        let lines = include_str!("../../rules/data/api-lifecycles.tsv").lines();
        for line in lines.filter(|line| !line.starts_with('#')) {
            assert_eq!(line.split('\t').count(), 11, "{line}");
        }
    }

    #[test]
    fn known_facts_are_found() {
        let budget = lifecycle("policy/v1beta1", "PodDisruptionBudget").expect("a row");
        assert_eq!(budget.removed, Some(Version::new(1, 25)));
        assert_eq!(budget.replacement, Some("policy/v1"));
        assert_eq!(budget.rename_unless, Some("selector={}"));
        assert_eq!(
            lifecycle("policy/v1", "PodDisruptionBudget").and_then(|row| row.introduced),
            Some(Version::new(1, 21))
        );
        assert_eq!(lifecycle("apps/v1", "Deployment"), None);
    }
}
