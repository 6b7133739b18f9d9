//! Objects that a chart's values bring, and accounts that they name: charts write `extraObjects` and the like as they are,
//! also into other namespaces than their own, and some make an account in every namespace that they work for.

use compact_str::CompactString;

use crate::files::Files;
use crate::helm::Release;
use crate::kubernetes::Object;
use crate::yaml::Node;

/// More nodes of one release's values than this are not looked at.
const MOST_NODES: usize = 200_000;

/// What values bring.
#[derive(Default)]
pub(super) struct InValues {
    /// Whole objects, also such as stand in a text.
    pub(super) objects: Vec<Object>,
    /// Names of ServiceAccounts that the chart makes or uses.
    pub(super) accounts: Vec<CompactString>,
}

impl InValues {
    pub(super) fn of(release: &Release, files: &Files) -> Self {
        let mut found = Self::default();
        let mut open = vec![&release.values];
        for _ in 0..MOST_NODES {
            let Some(node) = open.pop() else { break };
            if node.get("apiVersion").is_some() && node.at(&["metadata", "name"]).is_some() {
                found.objects.extend(Object::new(node.clone()));
            }
            if let Some(name) = node.at(&["serviceAccount", "name"]).and_then(Node::as_text) {
                found.accounts.push(name.into());
            }
            if node.as_str().is_some_and(|text| text.contains("apiVersion:") && text.contains("kind:")) {
                let documents = files.embedded(node).documents;
                found.objects.extend(documents.into_iter().filter_map(|document| Object::new(document.root?)));
            }
            open.extend(node.entries().iter().map(|entry| &entry.value));
            open.extend(node.items());
        }
        found
    }
}
