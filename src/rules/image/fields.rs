//! The table `rules/data/image-fields.tsv`: where custom resources name images.

use std::sync::LazyLock;

use foldhash::{HashMap, HashMapExt};

use crate::kubernetes::Object;
use crate::references::follow;
use crate::yaml::Node;

type Table = HashMap<(&'static str, &'static str), Vec<&'static str>>;

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::new();
    let lines = include_str!("../../../rules/data/image-fields.tsv").lines();
    // The first line that is no comment names the columns.
    for line in lines.filter(|line| !line.starts_with('#')).skip(1) {
        let [group, kinds, fields, _source] = line.split('\t').collect::<Vec<_>>()[..] else { continue };
        for kind in kinds.split(',') {
            table.entry((group, kind)).or_default().extend(fields.split(','));
        }
    }
    table
});

/// The fields of an object that name images, with their paths.
pub(super) fn of(object: &Object) -> impl Iterator<Item = (&'static str, &Node)> {
    let paths = TABLE.get(&(&*object.id.group, &*object.id.kind)).map(Vec::as_slice).unwrap_or_default();
    paths.iter().flat_map(|path| follow(&object.root, path).into_iter().map(|node| (*path, node)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_all_cells_and_every_kind_stands_once() {
        let text = include_str!("../../../rules/data/image-fields.tsv");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(lines.filter(|line| line.split('\t').count() != 4).collect::<Vec<_>>(), Vec::<&str>::new());
        for ((group, kind), paths) in TABLE.iter() {
            let mut once = paths.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), paths.len(), "{group} {kind}");
        }
    }
}
