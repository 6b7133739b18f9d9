//! What a run covered and what it did not, in counts.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Repository;
use crate::gitops::{Declared, FileClass};
use crate::helm::Binding;
use crate::source::FileId;
use crate::yaml::Node;

/// Counts of what was found and of what could not be.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Coverage {
    /// Apps that a controller is told to deploy.
    pub declared: usize,
    /// Apps found on disk, which nothing declares.
    pub roots: usize,
    /// Values files that a declaration ties to a chart.
    pub values_bound: usize,
    /// Values files that only their place or name ties to a chart.
    pub values_by_convention: usize,
    /// Values files of which nobody can say what they are for.
    pub values_unbound: usize,
    /// Apps of which a part could not be built or resolved.
    pub incomplete: usize,
    /// Files that SOPS encrypted.
    pub encrypted: usize,
    /// Files of templates that are not YAML yet; chart templates included.
    pub templated: usize,
    /// YAML files that no controller reads.
    pub other: usize,
}

impl Repository {
    /// Counts apps, values files and files by what became of them.
    pub fn coverage(&self) -> Coverage {
        let mut coverage = Coverage::default();
        let mut values: BTreeMap<FileId, Binding> = BTreeMap::new();
        for app in &self.apps {
            match app.app.declared {
                declared if declared.span().is_some() => coverage.declared += 1,
                Declared::ValuesFile => {}
                _ => coverage.roots += 1,
            }
            coverage.incomplete += usize::from(!app.is_complete());
            for release in &app.releases {
                for file in &release.files {
                    let binding = values.entry(*file).or_insert(release.binding);
                    *binding = (*binding).max(release.binding);
                }
            }
        }
        coverage.values_bound = values.values().filter(|binding| **binding == Binding::Declared).count();
        coverage.values_by_convention = values.len() - coverage.values_bound;
        for file in self.files.sources.files() {
            match self.class(file.id) {
                FileClass::Encrypted => coverage.encrypted += 1,
                FileClass::Templated | FileClass::ChartTemplate => coverage.templated += 1,
                FileClass::Other if crate::is_yaml(&file.path) => coverage.other += 1,
                _ => {}
            }
        }
        coverage.values_unbound = self.unbound_values().len();
        coverage
    }

    /// Files by which something else deploys, that presync does not read, and what they are; sorted.
    pub fn unread(&self) -> Vec<(FileId, &'static str)> {
        let files = self.files.sources.files();
        let what = |file: &std::sync::Arc<crate::source::SourceFile>| {
            if file.path.extension() == Some("jsonnet") {
                return Some("Jsonnet");
            }
            let is_open = matches!(self.class(file.id), FileClass::Other | FileClass::Values | FileClass::Templated);
            if !is_open || !(crate::is_yaml(&file.path) || file.path.extension() == Some("gotmpl")) {
                return None;
            }
            let name = file.path.file_name();
            let stream = self.files.stream(file.id);
            let mut roots = stream.documents.iter().filter_map(|document| document.root.as_ref());
            let is_helmfile = |root: &Node| {
                let releases = root.get("releases").map(Node::items).unwrap_or_default();
                let beside = ["helmDefaults", "repositories", "environments", "bases", "helmfiles"];
                releases.iter().any(|release| release.get("name").is_some() && release.get("chart").is_some())
                    || !releases.is_empty() && beside.iter().any(|key| root.get(key).is_some())
            };
            match name {
                "fleet.yaml" => Some("Fleet"),
                _ if name.starts_with("helmfile.") || roots.any(is_helmfile) => Some("helmfile"),
                _ => None,
            }
        };
        files.iter().filter_map(|file| Some((file.id, what(file)?))).collect()
    }

    /// Values files of which nobody can say what they are for, sorted.
    pub fn unbound_values(&self) -> Vec<FileId> {
        let used: BTreeSet<FileId> =
            self.apps.iter().flat_map(|app| &app.releases).flat_map(|release| release.files.iter().copied()).collect();
        let files = self.files.sources.files();
        let unbound = files.iter().map(|file| file.id);
        unbound.filter(|file| self.class(*file) == FileClass::Values && !used.contains(file)).collect()
    }
}
