//! The templates of a chart that lies in the repository, as far as they can be read without rendering: whether Go can
//! parse them, which values they ask for, and which kinds of objects they make whatever the values are.

use std::collections::BTreeSet;

use compact_str::CompactString;

use crate::files::Files;
use crate::gotemplate::{Failure, Library, Problem, Sprig, Template, Value};
use crate::source::{RepoPath, SourceFile, Span};
use crate::yaml::Node;

/// The functions of Helm's templates, by name: none is called here.
struct Functions;

/// What Helm adds to Go and Sprig.
const OWN: [&str; 15] = [
    "include",
    "tpl",
    "required",
    "lookup",
    "toYaml",
    "mustToYaml",
    "toYamlPretty",
    "fromYaml",
    "fromYamlArray",
    "toJson",
    "mustToJson",
    "fromJson",
    "fromJsonArray",
    "toToml",
    "fromToml",
];

impl Library for Functions {
    fn has(&self, name: &str) -> bool {
        OWN.contains(&name) || Sprig.has(name) && !matches!(name, "env" | "expandenv")
    }

    fn call(&self, _: &str, _: &[Value]) -> Result<Value, Failure> {
        Err(Failure::Unknown)
    }
}

/// The templates of the chart in `directory`, but not those of the charts in it.
fn templates(files: &Files, directory: &RepoPath) -> Vec<std::sync::Arc<SourceFile>> {
    let below = directory.join("templates").map(|templates| files.below(&templates, true, &|_| true));
    below.unwrap_or_default().iter().filter_map(|path| files.file_at(path)).collect()
}

/// Where Go can't parse the templates of a chart, and why.
pub fn template_problems(files: &Files, directory: &RepoPath) -> Vec<(Span, String)> {
    let mut found = Vec::new();
    for file in templates(files, directory) {
        let Some(text) = file.text() else { continue };
        if let Err(Problem { at, message }) = Template::parse(text, &Functions) {
            found.push((Span::new(file.id, at.start, at.end), message));
        }
    }
    found
}

/// The `apiVersion` and `kind` of each object that the templates of a chart make under every condition, where both are
/// written as they are.
pub fn literal_kinds(files: &Files, directory: &RepoPath) -> Vec<(Node, Node)> {
    let mut found = Vec::new();
    for file in templates(files, directory) {
        let is_partial = file.path.file_name().starts_with('_');
        let Some(text) = file.text().filter(|_| crate::is_yaml(&file.path) && !is_partial) else { continue };
        let Ok(template) = Template::parse(text, &Functions) else { continue };
        let plain: Vec<_> = template.unconditional().collect();
        // By document: the lines that start with one of both keys, and their values where they are plain text.
        let mut document: [Vec<Option<Node>>; 2] = Default::default();
        let mut end = |document: &mut [Vec<Option<Node>>; 2]| {
            if let [[Some(version)], [Some(kind)]] = [document[0].as_slice(), document[1].as_slice()] {
                found.push((version.clone(), kind.clone()));
            }
            *document = Default::default();
        };
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let range = start..start + line.trim_end().len();
            start += line.len();
            if line.starts_with("---") {
                end(&mut document);
                continue;
            }
            for (key, lines) in ["apiVersion:", "kind:"].into_iter().zip(&mut document) {
                let Some(value) = line.strip_prefix(key) else { continue };
                let at = plain.partition_point(|piece| piece.end < range.end);
                let is_plain = plain.get(at).is_some_and(|piece| piece.start <= range.start && range.end <= piece.end);
                let value = value.split(" #").next().unwrap_or(value);
                let plain_value = value.trim().trim_matches(['"', '\'']);
                let place = range.start + key.len() + value.find(plain_value).unwrap_or_default();
                let span = Span::new(file.id, place, place + plain_value.len());
                lines.push((is_plain && !plain_value.is_empty()).then(|| Node::plain(plain_value, span)));
            }
        }
        end(&mut document);
    }
    found
}

/// The values that a chart's templates ask for.
#[derive(Debug, Default)]
pub struct Reads {
    /// Paths below `.Values`. What stands below one may be read too.
    pub paths: BTreeSet<Vec<CompactString>>,
    /// Whether the chart has templates at all.
    pub any: bool,
}

impl Reads {
    /// The values that the templates of a chart and of the charts in its `charts/` ask for. `None` if that can't be told:
    /// a template is broken, or takes all values at once.
    pub fn of(files: &Files, directory: &RepoPath) -> Option<Self> {
        let mut reads = Self::default();
        let mut charts = vec![directory.clone()];
        // Named templates of a chart's charts are evaluated with whatever the chart gives them.
        if let Some(inner) = directory.join("charts") {
            charts.extend(files.sources.children(&inner));
        }
        for chart in charts {
            for file in templates(files, &chart) {
                let text = file.text()?;
                let template = Template::parse(text, &Functions).ok()?;
                reads.any |= chart == *directory;
                for path in template.paths_below("Values") {
                    if path.is_empty() {
                        return None;
                    }
                    reads.paths.insert(path);
                }
            }
        }
        Some(reads)
    }

    /// Whether something at, below or above `path` is read.
    pub fn reaches(&self, path: &[CompactString]) -> bool {
        let above = (1..=path.len()).filter_map(|end| path.get(..end)).any(|above| self.paths.contains(above));
        above || self.paths.range(path.to_vec()..).next().is_some_and(|read| read.starts_with(path))
    }

    /// The keys that are read directly below `path`.
    pub fn keys_below<'a>(&'a self, path: &'a [CompactString]) -> impl Iterator<Item = &'a str> {
        let below = self.paths.range(path.to_vec()..).take_while(move |read| read.starts_with(path));
        below.filter_map(move |read| read.get(path.len()).map(CompactString::as_str))
    }
}
