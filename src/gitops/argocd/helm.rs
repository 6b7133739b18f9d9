//! The chart and the values of a Helm source.
//!
//! Order, later wins: `valueFiles`, then `valuesObject` or else `values`, then `parameters`, then `fileParameters`
//! (Argo CD's `helm template` command line, and Helm's own order of `--set` and `--set-file`).

use super::super::App;
use super::super::inventory::Inventory;
use super::directory::expand_glob;
use crate::files::Files;
use crate::helm::{Binding, ChartRef, Layers, Release, expand};
use crate::source::{Entry, RepoPath, Span};
use crate::unresolved::Cause;
use crate::yaml::Node;

/// The releases of one source; `directory` is the chart's, if it lies here. What is missing is added to the app.
pub(super) fn releases(
    source: &Node,
    siblings: &[&Node],
    directory: Option<&RepoPath>,
    app: &mut App,
    inventory: &Inventory,
    files: &Files,
) -> Vec<Release> {
    let text = |key| source.get(key).and_then(Node::as_text).filter(|text: &&str| !text.is_empty());
    // An OCI artifact that is a chart is named by its URL, and its path is `.`.
    let says = |key| source.get(key).filter(|node| !matches!(node.as_text(), None | Some("" | "." | "./")));
    let named = says("chart").or(says("path")).or(says("repoURL")).unwrap_or(source);
    let reference = named.as_text().unwrap_or_default().trim_end_matches('/');
    let name = reference.rsplit('/').next().unwrap_or_default().to_owned();
    let version = source.get("targetRevision").filter(|_| directory.is_none());
    let block = source.get("helm");
    let option =
        |key| block.and_then(|block| block.get(key)).and_then(Node::as_text).filter(|text: &&str| !text.is_empty());
    let mut layers = Layers::new(named.span);
    if let Some(block) = block {
        let ignore_missing = block.get("ignoreMissingValueFiles").and_then(Node::as_bool).unwrap_or(false);
        for entry in block.get("valueFiles").map(Node::items).unwrap_or_default() {
            let search = Search { siblings, directory, ignore_missing, inventory, files };
            search.lay(entry, &mut layers);
        }
        inline(block, &mut layers, files);
        for parameter in block.get("parameters").map(Node::items).unwrap_or_default() {
            let Some(path) = parameter.get("name").and_then(Node::as_text) else { continue };
            let as_string = parameter.get("forceString").and_then(Node::as_bool).unwrap_or(false);
            let empty = Node::string("", parameter.span);
            layers.parameter(path, parameter.get("value").unwrap_or(&empty), as_string);
        }
        for parameter in block.get("fileParameters").map(Node::items).unwrap_or_default() {
            let search = Search { siblings, directory, ignore_missing: false, inventory, files };
            search.file_parameter(parameter, &mut layers);
        }
    }
    app.unresolved.append(&mut layers.unresolved);
    let chart_name = directory.and_then(|directory| crate::helm::Chart::read(files, directory));
    let release = Release {
        chart: ChartRef {
            name: chart_name.and_then(|chart| chart.name.as_text().map(str::to_owned)).unwrap_or(name),
            repository: text("repoURL").filter(|_| directory.is_none()).map(str::to_owned),
            version: version.and_then(Node::as_text).map(str::to_owned),
            directory: directory.cloned(),
        },
        chart_span: named.span,
        version_span: version.map(|version| version.span),
        name: option("releaseName").unwrap_or(&app.name).to_owned(),
        namespace: option("namespace").unwrap_or(&app.destination.namespace).to_owned(),
        values: layers.values,
        incomplete: layers.incomplete,
        binding: Binding::Declared,
        files: layers.files,
    };
    expand(files, release)
}

/// `valuesObject` wins over `values`; a template that could be read was made a map already.
fn inline(block: &Node, layers: &mut Layers, files: &Files) {
    let object = block.get("valuesObject").filter(|values| !values.is_null());
    match object.or(block.get("values")) {
        Some(values) if values.as_mapping().is_some() => layers.map(values),
        Some(values) => layers.text(files, values),
        None => {}
    }
}

/// Where value files are looked for.
struct Search<'a> {
    siblings: &'a [&'a Node],
    directory: Option<&'a RepoPath>,
    ignore_missing: bool,
    inventory: &'a Inventory,
    files: &'a Files,
}

impl Search<'_> {
    /// Lays down the file or files that one entry of `valueFiles` names.
    fn lay(&self, entry: &Node, layers: &mut Layers) {
        let span = entry.span;
        let Some(text) = entry.as_text() else {
            return layers.missing(span, Cause::Template, "the name of this values file is only known to Argo CD");
        };
        let Some(path) = self.resolve(text, span, layers) else { return };
        if text.contains(['*', '?', '[', '{']) && self.files.file_at(&path).is_none() {
            let found = expand_glob(self.files, &path);
            if found.is_empty() && !self.ignore_missing {
                layers.missing(span, Cause::Missing, format!("no file matches {path}"));
            }
            return found.into_iter().for_each(|file| layers.file(self.files, file, span));
        }
        match self.files.sources.entry(&path) {
            Some(Entry::File(file)) => layers.file(self.files, file, span),
            _ if self.ignore_missing => {}
            _ => layers.missing(span, Cause::Missing, format!("there is no file {path} in this repository")),
        }
    }

    fn file_parameter(&self, parameter: &Node, layers: &mut Layers) {
        let (Some(name), Some(path)) = (parameter.get("name"), parameter.get("path")) else { return };
        let (Some(name), Some(text)) = (name.as_text(), path.as_text()) else { return };
        let Some(resolved) = self.resolve(text, path.span, layers) else { return };
        let Some(file) = self.files.file_at(&resolved) else {
            let reason = format!("there is no file {resolved} in this repository");
            return layers.missing(path.span, Cause::Missing, reason);
        };
        let content = Node::string(file.text().unwrap_or_default(), path.span);
        if let Err(why) = crate::helm::set_parameter(&mut layers.values, name, content, path.span) {
            layers.missing(path.span, Cause::Invalid, format!("the parameter `{name}` can't be read: {why}"));
        }
    }

    /// The path in this repository, or a note why there is none. `$name/…` starts at the root of the repository that the
    /// sibling with this `ref` names; `/…` at the root of the chart's repository; anything else in the chart.
    fn resolve(&self, text: &str, span: Span, layers: &mut Layers) -> Option<RepoPath> {
        if text.contains("://") {
            layers.missing(span, Cause::Elsewhere, format!("{text} is fetched from elsewhere"));
            return None;
        }
        let inside = |base: &RepoPath, relative: &str, layers: &mut Layers| {
            let path = base.join(relative);
            if path.is_none() {
                layers.missing(span, Cause::Invalid, format!("{text} leaves the repository"));
            }
            path
        };
        if let Some(reference) = text.strip_prefix('$') {
            let (name, path) = reference.split_once('/').unwrap_or((reference, ""));
            let Some(sibling) = self.siblings.iter().find(|sibling| sibling.str_at(&["ref"]) == Some(name)) else {
                layers.missing(span, Cause::Missing, format!("no source of the Application has `ref: {name}`"));
                return None;
            };
            let url = sibling.get("repoURL").and_then(Node::as_text).unwrap_or_default();
            if !self.inventory.own.is_own(url) {
                layers.missing(span, Cause::Elsewhere, format!("{path} lies in another repository, {url}"));
                return None;
            }
            return inside(&RepoPath::root(), path, layers);
        }
        let Some(directory) = self.directory else {
            layers.missing(
                span,
                Cause::Elsewhere,
                format!("{text} lies in the chart, which is not in this repository"),
            );
            return None;
        };
        match text.strip_prefix('/') {
            Some(from_root) => inside(&RepoPath::root(), from_root, layers),
            None => inside(directory, text, layers),
        }
    }
}
