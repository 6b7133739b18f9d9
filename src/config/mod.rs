//! `.presync.yaml`: the user's settings.
//!
//! The file is read with the same spanned YAML as everything else, so a mistake in it is shown at its place. Rule ids
//! are taken as they come: only `rules` knows which exist, and checks them there.

mod day;
mod globs;
mod keys;
mod kustomize;
mod levels;
mod reader;

use std::collections::BTreeMap;

use globset::GlobMatcher;

pub use day::Day;
pub use globs::PathGlobs;
pub use keys::{Form, KEYS, Key, schema};
pub use kustomize::KustomizeRelease;
pub use levels::{Level, Levels, Selector};
pub use reader::ConfigProblem;
pub(crate) use reader::Reader;

use crate::files::Files;
use crate::finding::nearest;
use crate::kubernetes::{Target, Version};
use crate::source::{FileId, RepoPath, Span};
use crate::yaml::{Mapping, Node};

/// The file's name, at the repository's root.
pub const FILE_NAME: &str = crate::discover::CONFIG_FILE;

/// The user's settings, with defaults where the file says nothing.
#[derive(Clone, Debug)]
pub struct Config {
    /// The Kubernetes release that objects are judged for; a flag sets it without a place.
    pub kubernetes: Option<Target>,
    /// The release of kustomize that the controllers have.
    pub kustomize: KustomizeRelease,
    /// The day for which dates are judged; only a flag sets it, so that a run without it says the same every day.
    pub at: Option<Day>,
    /// Levels of rules.
    pub levels: Levels,
    /// Settings of rules by rule id, as they are written. `rules` checks them against what each rule declares.
    pub settings: BTreeMap<String, RuleSettings>,
    /// Files that no finding is shown for, and in which no app is looked for.
    pub skip: PathGlobs,
    /// Values files that the user ties to a chart.
    pub charts: Vec<ChartBinding>,
    /// Directory of the user's own rule files.
    pub custom_rules: RepoPath,
    external: Vec<External>,
}

/// The settings of one rule.
#[derive(Clone, Debug)]
pub struct RuleSettings {
    /// Where the rule's id is written.
    pub span: Span,
    /// Names and values.
    pub values: Mapping,
}

/// Values files and the chart they are for.
#[derive(Clone, Debug)]
pub struct ChartBinding {
    /// The values files, in the order in which Helm gets them.
    pub values: Vec<RepoPath>,
    /// Chart name.
    pub chart: String,
    /// Where the chart's name is written.
    pub chart_span: Span,
    /// Version or range, and where it is written.
    pub version: Option<(String, Span)>,
    /// Repository URL.
    pub repository: Option<String>,
    /// Release name, if given.
    pub release: Option<String>,
    /// Namespace, if given.
    pub namespace: Option<String>,
}

/// Objects that exist in the cluster though Git does not have them.
#[derive(Clone, Debug)]
struct External {
    kind: String,
    namespace: Option<GlobMatcher>,
    name: GlobMatcher,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            kubernetes: None,
            kustomize: KustomizeRelease::CURRENT,
            at: None,
            levels: Levels::default(),
            settings: BTreeMap::new(),
            skip: PathGlobs::default(),
            charts: Vec::new(),
            custom_rules: RepoPath::new(".presync/rules").unwrap_or_default(),
            external: Vec::new(),
        }
    }
}

impl Config {
    /// Reads `.presync.yaml`. Without the file, everything is at its default; what can't be read of it is a problem.
    pub fn load(files: &Files) -> (Self, Vec<ConfigProblem>) {
        Self::load_from(files, &RepoPath::new(FILE_NAME).unwrap_or_default())
    }

    /// As [`Config::load`], from another file.
    pub fn load_from(files: &Files, path: &RepoPath) -> (Self, Vec<ConfigProblem>) {
        let mut config = Self::default();
        let mut reader = Reader::default();
        if let Some(file) = files.file_at(path) {
            if file.bytes().is_err() {
                reader.problem(Span::start_of(file.id), format!("`{FILE_NAME}` can't be read"));
            }
            let stream = files.stream(file.id);
            if let Some(root) = reader.document(&stream, &format!("`{FILE_NAME}`")) {
                config.read(root, files, &mut reader);
            }
        }
        let other = RepoPath::new(".presync.yml").and_then(|path| files.file_at(&path));
        if let Some(file) = other {
            reader.problem(Span::start_of(file.id), format!("presync reads `{FILE_NAME}`, not `.presync.yml`")).help =
                Some(format!("rename the file to `{FILE_NAME}`"));
        }
        reader.problems.sort();
        (config, reader.problems)
    }

    /// The same settings for another set of files, which numbers them otherwise. What is bound to a chart then stands
    /// nowhere in particular: only that the places differ from each other counts.
    #[must_use]
    pub fn for_files(&self, files: &Files) -> Self {
        let mut config = self.clone();
        if files.sources.files().is_empty() {
            config.charts.clear();
        }
        for (at, binding) in config.charts.iter_mut().enumerate() {
            binding.chart_span = Span::new(FileId(0), at, at);
            if let Some((_, span)) = &mut binding.version {
                *span = binding.chart_span;
            }
        }
        config
    }

    /// Whether the user says that such an object exists outside Git. Where the namespace is not known, pass it empty:
    /// then the name decides.
    pub fn is_external(&self, kind: &str, namespace: &str, name: &str) -> bool {
        self.external.iter().filter(|external| external.kind == kind).any(|external| {
            let in_namespace = external.namespace.as_ref().is_none_or(|glob| glob.is_match(namespace));
            (namespace.is_empty() || in_namespace) && external.name.is_match(name)
        })
    }

    fn read(&mut self, root: &Node, files: &Files, reader: &mut Reader) {
        let Some(fields) = reader.fields(root, &format!("`{FILE_NAME}`"), &keys::names(&KEYS)) else { return };
        for entry in fields.iter() {
            let node = &entry.value;
            match entry.key.text.as_str() {
                "kubernetes" => self.read_kubernetes(node, reader),
                "kustomize" => self.read_kustomize(node, reader),
                "rules" => self.levels.read_everywhere(node, reader),
                "paths" => self.levels.read_scopes(node, reader),
                "settings" => self.read_settings(node, reader),
                "skip" => {
                    let patterns = reader.texts(node, "`skip`");
                    self.skip = PathGlobs::read(&patterns, reader);
                }
                "external" => self.read_external(node, reader),
                "charts" => self.read_charts(node, files, reader),
                "custom-rules" => self.read_custom_rules(node, files, reader),
                _ => {}
            }
        }
    }

    fn read_kubernetes(&mut self, node: &Node, reader: &mut Reader) {
        let Some(text) = reader.text(node, "`kubernetes`") else { return };
        match Version::parse(text) {
            Some(version) => self.kubernetes = Some(Target { version, span: Some(node.span) }),
            None => {
                reader.problem(node.span, format!("`{text}` is no Kubernetes release")).help =
                    Some("write it as `\"1.34\"`".to_owned());
            }
        }
    }

    fn read_kustomize(&mut self, node: &Node, reader: &mut Reader) {
        let Some(text) = reader.text(node, "`kustomize`") else { return };
        match KustomizeRelease::parse(text) {
            Some(release) => self.kustomize = release,
            None => {
                reader.problem(node.span, format!("`{text}` is no release of kustomize 5")).help =
                    Some("write it as `\"5.5\"`; `kustomize version` says which one you have".to_owned());
            }
        }
    }

    fn read_settings(&mut self, node: &Node, reader: &mut Reader) {
        let Some(rules) = reader.mapping(node, "`settings`") else { return };
        for entry in rules.iter() {
            let Some(values) = reader.mapping(&entry.value, "the settings of a rule") else { continue };
            let settings = RuleSettings { span: entry.key.span, values: values.clone() };
            self.settings.insert(entry.key.text.to_string(), settings);
        }
    }

    fn read_external(&mut self, node: &Node, reader: &mut Reader) {
        let Some(kinds) = reader.mapping(node, "`external`") else { return };
        for entry in kinds.iter() {
            for (pattern, span) in reader.texts(&entry.value, "a name in `external`") {
                let (namespace, name) = pattern.split_once('/').map_or((None, pattern), |(a, b)| (Some(a), b));
                let Some(name) = globs::name_glob(name, span, reader) else { continue };
                let namespace = namespace.and_then(|namespace| globs::name_glob(namespace, span, reader));
                self.external.push(External { kind: entry.key.text.to_string(), namespace, name });
            }
        }
    }

    fn read_charts(&mut self, node: &Node, files: &Files, reader: &mut Reader) {
        let keys = keys::names(&keys::CHARTS);
        for item in reader.list(node, "`charts`") {
            let Some(fields) = reader.fields(item, "an entry of `charts`", &keys) else { continue };
            let (Some(values), Some(_)) = (fields.get("values"), fields.get("chart")) else {
                reader.problem(item.span, "an entry of `charts` needs `values` and `chart`");
                continue;
            };
            let paths = reader.texts(values, "`values`");
            let mut text = |key: &str| {
                let node = fields.get(key)?;
                reader.text(node, &format!("`{key}`")).map(|text| (text.to_owned(), node.span))
            };
            let (version, repository) = (text("version"), text("repository"));
            let (release, namespace) = (text("release"), text("namespace"));
            let Some((chart, chart_span)) = text("chart") else { continue };
            let values = paths.into_iter().filter_map(|path| existing(path, files, reader)).collect();
            self.charts.push(ChartBinding {
                values,
                chart,
                chart_span,
                version,
                repository: repository.map(|(text, _)| text),
                release: release.map(|(text, _)| text),
                namespace: namespace.map(|(text, _)| text),
            });
        }
    }

    fn read_custom_rules(&mut self, node: &Node, files: &Files, reader: &mut Reader) {
        let Some(text) = reader.text(node, "`custom-rules`") else { return };
        match RepoPath::new(text) {
            Some(path) if files.sources.entry(&path) == Some(crate::source::Entry::Directory) => {
                self.custom_rules = path
            }
            Some(_) => {
                reader.problem(node.span, format!("there is no directory `{text}` in this repository"));
            }
            None => {
                reader.problem(node.span, format!("`{text}` lies outside this repository"));
            }
        }
    }
}

/// A file of the repository; if it is not there, that is a problem.
fn existing((text, span): (&str, Span), files: &Files, reader: &mut Reader) -> Option<RepoPath> {
    let path = RepoPath::new(text);
    if let Some(path) = path.filter(|path| files.file_at(path).is_some()) {
        return Some(path);
    }
    let known = files.sources.files();
    let help = nearest(text, known.iter().map(|file| file.path.as_str()));
    reader.problem(span, format!("there is no file `{text}` in this repository")).help =
        help.map(|nearest| format!("did you mean `{nearest}`?"));
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;
    use crate::source::Sources;

    fn load(text: &str) -> (Config, Vec<String>) {
        let path = |text: &str| RepoPath::new(text).expect("a path");
        let contents = vec![(path(FILE_NAME), text.into()), (path("apps/grafana/values.yaml"), b"a: 1\n".to_vec())];
        let files = Files::new(Sources::memory(contents));
        let (config, problems) = Config::load(&files);
        let describe = |problem: &ConfigProblem| {
            let file = files.sources.file(problem.span.file);
            let help = problem.help.as_deref().map(|help| format!("; {help}")).unwrap_or_default();
            format!("{} {}{help}", file.slice(problem.span), problem.message)
        };
        (config, problems.iter().map(describe).collect())
    }

    #[test]
    fn levels_follow_path_and_exactness() {
        let (config, problems) = load(
            "rules: {yaml: warning, yaml-duplicate-key: error, 'grafana-*': off}\n\
             paths: [{match: [legacy, '*.gen.yaml'], rules: {yaml: off, grafana-a: on}}]\n",
        );
        assert_eq!(problems, Vec::<String>::new());
        let level =
            |id: &str, group: &str, path: &str| config.levels.of(id, group, &RepoPath::new(path).expect("path"));
        assert_eq!(level("yaml-duplicate-key", "yaml", "a.yaml"), Some(Level::At(Severity::Error)));
        assert_eq!(level("yaml-syntax", "yaml", "a.yaml"), Some(Level::At(Severity::Warning)));
        assert_eq!(level("yaml-duplicate-key", "yaml", "legacy/deep/a.yaml"), Some(Level::Off));
        assert_eq!(level("yaml-duplicate-key", "yaml", "deep/a.gen.yaml"), Some(Level::Off));
        assert_eq!(level("kustomize-x", "kustomize", "legacy/a.yaml"), None);
        assert!(config.levels.may_run("grafana-a", "grafana", true));
        assert!(!config.levels.may_run("grafana-b", "grafana", true));
    }

    #[test]
    fn mistakes_are_shown_where_they_stand() {
        let (config, problems) = load(
            "kubernets: '1.30'\nkubernetes: latest\nrules: {yaml: of}\nskip: ['[']\nsettings: []\n\
             charts: [{values: apps/grafana/value.yaml, chart: grafana, verison: 8}]\ncustom-rules: ../x\n",
        );
        assert_eq!(
            problems,
            [
                "kubernets `.presync.yaml` has no key `kubernets`; did you mean `kubernetes`?",
                "latest `latest` is no Kubernetes release; write it as `\"1.34\"`",
                "of a level must be one of off, on, info, warning, error, not `of`; did you mean `off`?",
                "'[' `[` is no pattern: unclosed character class; missing ']'",
                "[] `settings` must be a map",
                "apps/grafana/value.yaml there is no file `apps/grafana/value.yaml` in this repository; did you mean \
                 `apps/grafana/values.yaml`?",
                "verison an entry of `charts` has no key `verison`; did you mean `version`?",
                "../x `../x` lies outside this repository",
            ]
        );
        assert_eq!(config.kubernetes, None);
    }

    #[test]
    fn a_release_without_quotes_is_not_a_number() {
        let (config, problems) = load("kubernetes: 1.30\n");
        assert_eq!((config.kubernetes.map(|target| target.version), problems), (Some(Version::new(1, 30)), vec![]));
    }

    #[test]
    fn external_names_may_name_their_namespace() {
        let (config, _) = load("external: {Secret: ['shop/db-*', ca], StorageClass: nfs}\n");
        assert!(config.is_external("Secret", "shop", "db-main"));
        assert!(config.is_external("Secret", "", "db-main"));
        assert!(!config.is_external("Secret", "other", "db-main"));
        assert!(config.is_external("Secret", "any", "ca"));
        assert!(config.is_external("StorageClass", "", "nfs"));
        assert!(!config.is_external("ConfigMap", "any", "ca"));
    }
}
