//! telegraf's configuration, where a ConfigMap holds it, in TOML with a list of tables for each plugin, and in the values of its
//! charts, where each plugin is a map of a list.
//!
//! Left out: files that do not parse, such as those with variables outside of quotes.

use toml_edit::{Document, Item, Table};

use crate::helm::Release;
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::source::Span;
use crate::yaml::Node;

/// One configuration file.
pub(super) struct Configuration<'a> {
    /// The app that brings it.
    pub(super) app: &'a BuiltApp,
    /// The ConfigMap.
    pub(super) object: &'a Object,
    /// The text.
    node: &'a Node,
    document: Document<String>,
}

/// Every configuration in the repository.
pub(super) fn all(repository: &Repository) -> Vec<Configuration<'_>> {
    let mut found = Vec::new();
    for (app, object) in repository.objects_of("", "ConfigMap") {
        for entry in object.root.get("data").map(Node::entries).unwrap_or_default() {
            let Some(text) = entry.value.as_str().filter(|text| text.contains("[[inputs.")) else { continue };
            let Ok(document) = Document::parse(text.to_owned()) else { continue };
            found.push(Configuration { app, object, node: &entry.value, document });
        }
    }
    found
}

/// Every release of telegraf's charts, with its app.
pub(super) fn releases(repository: &Repository) -> impl Iterator<Item = (&BuiltApp, &Release)> {
    let all = repository.apps.iter().flat_map(|app| app.releases.iter().map(move |release| (app, release)));
    all.filter(|(_, release)| matches!(release.chart.name.as_str(), "telegraf" | "telegraf-ds"))
}

/// The settings of an input plugin in a chart's values.
pub(super) fn inputs_of<'a>(release: &'a Release, plugin: &'a str) -> impl Iterator<Item = &'a Node> {
    let inputs = release.values.at(&["config", "inputs"]).map(Node::items).unwrap_or_default();
    inputs.iter().filter_map(move |input| input.get(plugin))
}

impl Configuration<'_> {
    /// The tables of an input plugin.
    pub(super) fn inputs(&self, plugin: &str) -> impl Iterator<Item = &Table> {
        let tables = self.document.as_table().get("inputs").and_then(Item::as_table_like);
        let tables = tables.and_then(|inputs| inputs.get(plugin)).and_then(Item::as_array_of_tables);
        tables.into_iter().flat_map(|tables| tables.iter())
    }

    /// Where a plugin's table starts, or one of its values stands; else the whole text.
    pub(super) fn place(&self, table: &Table, key: Option<&str>, repository: &Repository) -> Span {
        let range = key.and_then(|key| table.get(key)).and_then(Item::span).or_else(|| table.span());
        range.and_then(|range| repository.files.part(self.node, range)).unwrap_or(self.node.span)
    }
}
