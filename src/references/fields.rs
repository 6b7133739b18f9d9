//! References in fields of custom resources: the table `rules/data/reference-fields.tsv`.

use std::sync::LazyLock;

use foldhash::{HashMap, HashMapExt};

use super::made::follow;
use super::{Found, Place, Reference, Role, is_optional, name_of};
use crate::kubernetes::Object;
use crate::yaml::Node;

struct Field {
    path: &'static str,
    target: (&'static str, &'static str),
    role: Role,
}

impl Field {
    /// Group and kind of what a map names.
    fn target_of<'a>(&self, map: &'a Node) -> Option<(&'a str, &'a str)> {
        let (group, kind) = self.target;
        let group = match (group, map.get("apiGroup"), map.get("apiVersion")) {
            ("*", Some(group), _) => name_of(group)?,
            ("*", None, version) => name_of(version?)?.split_once('/').map_or("", |(group, _)| group),
            _ => group,
        };
        Some((group, if kind == "*" { name_of(map.get("kind")?)? } else { kind }))
    }
}

type Table = HashMap<(&'static str, &'static str), Vec<Field>>;

static TABLE: LazyLock<Table> = LazyLock::new(|| read(include_str!("../../rules/data/reference-fields.tsv")));

/// Collects what the fields of the object's kind name.
pub(super) fn collect<'a>(object: &'a Object, list: &mut Vec<Reference<'a>>) {
    for field in TABLE.get(&(&*object.id.group, &*object.id.kind)).map(Vec::as_slice).unwrap_or_default() {
        let mut found = Found { list, role: field.role };
        for node in follow(&object.root, field.path) {
            if node.as_mapping().is_some() {
                if let Some(target) = field.target_of(node) {
                    found.map(target, node);
                }
            } else if !is_optional(node) {
                found.name(field.target, Place::Same, node);
            }
        }
    }
}

fn read(text: &'static str) -> Table {
    let mut table = Table::new();
    // The first line that is no comment names the columns.
    for line in text.lines().filter(|line| !line.starts_with('#')).skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [group, kinds, path, target_group, target_kind, role, ..] = cells[..] else { continue };
        let role = match role {
            "certificate" => Role::Certificate,
            "volume" => Role::Volume,
            "identity" => Role::Identity,
            _ => Role::Needed,
        };
        for kind in kinds.split(',') {
            let field = Field { path, target: (target_group, target_kind), role };
            table.entry((group, kind)).or_default().push(field);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_line_has_all_cells() {
        let text = include_str!("../../rules/data/reference-fields.tsv");
        let lines = || text.lines().filter(|line| !line.starts_with('#'));
        let short: Vec<_> = lines().filter(|line| line.split('\t').count() != 7).collect();
        assert_eq!(short, Vec::<&str>::new());
        assert!(lines().skip(1).all(|line| {
            line.split('\t').nth(5).is_some_and(|role| ["needed", "certificate", "volume", "identity"].contains(&role))
        }));
    }
}
