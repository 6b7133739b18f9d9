//! Which kinds exist, and whether their objects live in namespaces: the table `rules/data/kinds.tsv`.
//!
//! A definition in the repository beats the table; [`super::Definitions`] has it. Left out: the fields of kinds.

use std::sync::LazyLock;

use foldhash::{HashMap, HashMapExt};

/// Whether objects of a kind belong to the cluster or to a namespace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// To the cluster as a whole.
    Cluster,
    /// To one namespace.
    Namespaced,
}

/// What is known of a kind in a group.
struct Kind {
    scope: Scope,
    /// Versions in which it was ever served; empty if they are not listed.
    versions: &'static str,
}

/// Facts by group, then by kind.
type Table = HashMap<&'static str, HashMap<&'static str, Kind>>;

static TABLE: LazyLock<Table> = LazyLock::new(|| read(include_str!("../../rules/data/kinds.tsv")));

/// The scope of a kind; `None` if the table does not have it.
pub fn scope(group: &str, kind: &str) -> Option<Scope> {
    TABLE.get(group)?.get(kind).map(|row| row.scope)
}

/// Whether objects of a kind are known to belong to the cluster. One that the table does not have lives in a namespace,
/// as most do.
pub fn is_cluster_scoped(group: &str, kind: &str) -> bool {
    scope(group, kind) == Some(Scope::Cluster)
}

/// The scope of a kind in whatever group it is; `None` if no group has it, or two disagree.
pub fn scope_in_any_group(kind: &str) -> Option<Scope> {
    let mut scopes = TABLE.values().filter_map(|kinds| kinds.get(kind)).map(|row| row.scope);
    let first = scopes.next()?;
    scopes.all(|scope| scope == first).then_some(first)
}

/// Whether Kubernetes itself ever served a kind in this version. `None` if the group is not one of Kubernetes' own, or
/// its kinds are not all known.
pub fn was_ever_served(group: &str, version: &str, kind: &str) -> Option<bool> {
    let kinds = TABLE.get(group)?;
    let is_complete = kinds.values().all(|row| !row.versions.is_empty());
    let served = |row: &Kind| row.versions.split(',').any(|served| served == version);
    is_complete.then(|| kinds.get(kind).is_some_and(served))
}

/// The API version in which Kubernetes serves a kind, stable ones first; `None` if it is no kind of Kubernetes itself.
pub fn api_version_of(kind: &str) -> Option<String> {
    let groups = TABLE.iter().filter(|(group, _)| **group != "extensions");
    let rows = groups.filter_map(|(group, kinds)| Some((*group, kinds.get(kind)?)));
    let (group, row) = rows.filter(|(_, row)| !row.versions.is_empty()).min_by_key(|(group, _)| *group)?;
    let version =
        row.versions.split(',').filter(|version| !version.contains("alpha") && !version.contains("beta")).max()?;
    Some(if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") })
}

/// The kinds of a group that are known; none for a group that is not.
pub fn kinds_of(group: &str) -> impl Iterator<Item = &'static str> {
    TABLE.get(group).into_iter().flat_map(|kinds| kinds.keys().copied())
}

/// The groups that are known to have a kind.
pub fn groups_with(kind: &str) -> impl Iterator<Item = &'static str> {
    TABLE.iter().filter(move |(_, kinds)| kinds.contains_key(kind)).map(|(group, _)| *group)
}

/// Kinds of Kubernetes itself.
pub fn builtin_kinds() -> impl Iterator<Item = &'static str> {
    let rows = TABLE.values().flatten().filter(|(_, row)| !row.versions.is_empty());
    rows.map(|(kind, _)| *kind)
}

fn read(text: &'static str) -> Table {
    let mut table = Table::new();
    // The first line that is no comment names the columns.
    for line in text.lines().filter(|line| !line.starts_with('#')).skip(1) {
        let mut cells = line.split('\t');
        let (Some(group), Some(scope), Some(kinds)) = (cells.next(), cells.next(), cells.next()) else { continue };
        let versions = cells.next().unwrap_or_default();
        let scope = if scope == "cluster" { Scope::Cluster } else { Scope::Namespaced };
        for kind in kinds.split(',') {
            table.entry(group).or_default().insert(kind, Kind { scope, versions });
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        let lines = include_str!("../../rules/data/kinds.tsv").lines();
        let mut kinds = 0;
        for line in lines.filter(|line| !line.starts_with('#')).skip(1) {
            let cells: Vec<&str> = line.split('\t').collect();
            assert!(cells.len() == 4 && matches!(cells[1], "cluster" | "namespaced"), "{line}");
            assert!(cells[2].bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b','), "{line}");
            kinds += cells[2].split(',').count();
        }
        assert_eq!(TABLE.values().map(HashMap::len).sum::<usize>(), kinds, "a kind stands twice in its group");
    }

    #[test]
    fn scopes_and_versions_are_found() {
        assert_eq!(scope("", "Namespace"), Some(Scope::Cluster));
        assert_eq!(scope("cert-manager.io", "Certificate"), Some(Scope::Namespaced));
        assert_eq!(scope("example.org", "Widget"), None);
        assert_eq!(scope_in_any_group("IngressClass"), Some(Scope::Cluster));
        assert_eq!(scope_in_any_group("Node"), None);
        assert_eq!(was_ever_served("apps", "v1", "Deployment"), Some(true));
        assert_eq!(was_ever_served("", "v1", "Deployment"), Some(false));
        assert_eq!(was_ever_served("example.org", "v1", "Widget"), None);
        assert_eq!(was_ever_served("resource.k8s.io", "v9", "New"), None);
        assert_eq!(api_version_of("Deployment").as_deref(), Some("apps/v1"));
        assert_eq!(api_version_of("HorizontalPodAutoscaler").as_deref(), Some("autoscaling/v2"));
        assert_eq!(api_version_of("ConfigMap").as_deref(), Some("v1"));
    }
}
