//! Charts that lie in the repository: `Chart.yaml`, default values, dependencies. Nothing is rendered here.

use super::values::{coalesce, empty_values, merge_values};
use super::{ChartRef, Release};
use crate::files::Files;
use crate::source::{Entry, FileId, RepoPath, Span};
use crate::yaml::{Key, Node};

/// How deep charts may lie in charts. Helm sets no limit; a chart that depends on itself by path has no end.
const MAX_DEPTH: usize = 8;

/// A chart's directory, as far as its files say what it is.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Where it lies.
    pub directory: RepoPath,
    /// Its name, and where that is written.
    pub name: Node,
    /// Its version, as written.
    pub version: Option<Node>,
    /// Whether it is a library, which can't be installed.
    pub library: bool,
    /// Its default values, if it has any.
    pub defaults: Option<Node>,
    /// The file of the default values.
    pub values_file: Option<FileId>,
    /// The charts it declares to need.
    pub dependencies: Vec<Dependency>,
}

/// A chart that another one needs.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// Its name, and where that is written.
    pub name: Node,
    /// The key under which the parent's values speak of it.
    pub key: String,
    /// Version or range, as written.
    pub version: Option<Node>,
    /// Repository URL, as written.
    pub repository: Option<String>,
    /// Paths in the parent's values; the first that holds a boolean switches the dependency.
    pub condition: Option<String>,
    /// Names in the parent's `tags` that switch the dependency.
    pub tags: Vec<String>,
    /// Where it lies, if in this repository.
    pub directory: Option<RepoPath>,
}

impl Chart {
    /// Reads the chart in `directory`; `None` if there is no `Chart.yaml` that names one.
    pub fn read(files: &Files, directory: &RepoPath) -> Option<Self> {
        let root = first_root(files, &directory.join("Chart.yaml")?)?;
        let name = root.get("name")?;
        name.as_text()?;
        let values_file = directory.join("values.yaml").and_then(|path| files.file_at(&path)).map(|file| file.id);
        let defaults = directory.join("values.yaml").and_then(|path| first_root(files, &path));
        // Charts of apiVersion v1 name their dependencies in a file of their own.
        let requirements = directory.join("requirements.yaml").and_then(|path| first_root(files, &path));
        let declared = [Some(&root), requirements.as_ref()].into_iter().flatten();
        let declared = declared.filter_map(|root| root.get("dependencies")).flat_map(Node::items);
        let dependencies: Vec<_> = declared.filter_map(|entry| Dependency::read(files, directory, entry)).collect();
        Some(Self {
            directory: directory.clone(),
            name: name.clone(),
            version: root.get("version").cloned(),
            library: root.str_at(&["type"]) == Some("library"),
            defaults: defaults.filter(|root| root.as_mapping().is_some()),
            values_file,
            dependencies,
        })
    }
}

impl Dependency {
    fn read(files: &Files, chart: &RepoPath, entry: &Node) -> Option<Self> {
        let text = |key| entry.get(key).and_then(Node::as_text).map(str::to_owned);
        let name = entry.get("name")?;
        let chart_name = name.as_text()?;
        let repository = text("repository").filter(|repository| !repository.is_empty());
        let by_path = repository.as_deref().and_then(|url| url.strip_prefix("file://"));
        let vendored = chart.join("charts").and_then(|charts| charts.join(chart_name));
        let directory = [vendored, by_path.and_then(|path| chart.join(path))]
            .into_iter()
            .flatten()
            .find(|directory| is_chart(files, directory));
        Some(Self {
            key: text("alias").unwrap_or_else(|| chart_name.to_owned()),
            name: name.clone(),
            version: entry.get("version").cloned(),
            repository,
            condition: text("condition"),
            tags: entry
                .get("tags")
                .map(Node::items)
                .into_iter()
                .flatten()
                .filter_map(Node::as_text)
                .map(str::to_owned)
                .collect(),
            directory,
        })
    }

    /// Whether a value that switches it can't be known.
    fn depends_on_unknown(&self, parent: &Node) -> bool {
        let conditions = self.condition.as_deref().unwrap_or_default().split(',');
        conditions
            .map(str::trim)
            .any(|path| parent.at(&path.split('.').collect::<Vec<_>>()).is_some_and(Node::is_unknown))
    }

    /// Whether Helm installs it: the first boolean among the conditions decides, else the tags, else it does.
    fn is_enabled(&self, parent: &Node, root: &Node) -> bool {
        let conditions = self.condition.as_deref().unwrap_or_default().split(',');
        let decided = conditions.map(str::trim).filter(|path| !path.is_empty()).find_map(|path| {
            let path: Vec<&str> = path.split('.').collect();
            parent.at(&path)?.as_bool()
        });
        let tags = || {
            let set: Vec<bool> = self.tags.iter().filter_map(|tag| root.at(&["tags", tag])?.as_bool()).collect();
            set.is_empty() || set.contains(&true)
        };
        decided.unwrap_or_else(tags)
    }
}

/// Whether a chart lies in `directory`.
pub fn is_chart(files: &Files, directory: &RepoPath) -> bool {
    let path = directory.join("Chart.yaml");
    path.is_some_and(|path| matches!(files.sources.entry(&path), Some(Entry::File(_))))
}

/// A release whose values are the user's alone, with everything that the repository knows of its chart: the chart's
/// defaults beneath the values, and one release more for each dependency, which gets the block under its name and the
/// globals. The chart's own release comes first.
pub fn expand(files: &Files, release: Release) -> Vec<Release> {
    let mut releases = Vec::new();
    let root = release.values.clone();
    expand_into(files, release, &root, 0, &mut releases);
    releases
}

fn expand_into(files: &Files, mut release: Release, root: &Node, depth: usize, releases: &mut Vec<Release>) {
    let chart = release.chart.directory.as_ref().and_then(|directory| Chart::read(files, directory));
    let Some(chart) = chart.filter(|_| depth < MAX_DEPTH) else {
        releases.push(release);
        return;
    };
    if let Some(defaults) = &chart.defaults {
        release.values = coalesce(defaults, &release.values);
    }
    release.files.splice(0..0, chart.values_file);
    let parent = release.values.clone();
    let template = release.clone();
    releases.push(release);
    for dependency in &chart.dependencies {
        if !dependency.is_enabled(&parent, root) {
            continue;
        }
        let span = dependency.name.span;
        let block = parent.get(&dependency.key).filter(|block| block.as_mapping().is_some());
        let child = Release {
            chart: ChartRef {
                name: dependency.name.as_text().unwrap_or_default().to_owned(),
                repository: dependency.repository.clone(),
                version: dependency.version.as_ref().and_then(Node::as_text).map(str::to_owned),
                directory: dependency.directory.clone(),
            },
            chart_span: span,
            version_span: dependency.version.as_ref().map(|version| version.span),
            incomplete: template.incomplete || dependency.depends_on_unknown(&parent),
            values: with_globals(block.cloned().unwrap_or_else(|| empty_values(span)), &parent, span),
            ..template.clone()
        };
        expand_into(files, child, root, depth + 1, releases);
    }
}

/// Helm pushes the parent's `global` block down over the child's.
fn with_globals(mut values: Node, parent: &Node, span: Span) -> Node {
    let Some(globals) = parent.get("global").filter(|globals| globals.as_mapping().is_some()) else { return values };
    let merged = values.get("global").map_or_else(|| globals.clone(), |own| merge_values(own, globals));
    if let Some(mapping) = values.as_mapping_mut() {
        mapping.insert(Key::new("global", span), merged);
    }
    values
}

fn first_root(files: &Files, path: &RepoPath) -> Option<Node> {
    let file = files.file_at(path)?;
    let stream = files.stream(file.id);
    stream.documents.iter().find_map(|document| document.root.clone())
}
