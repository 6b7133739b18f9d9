//! What a run covered, and what it did not.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::Report;
use crate::finding::{Finding, Severity};
use crate::source::{FileId, SourceFile};

/// Counts of a run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Summary {
    /// Findings shown that are errors.
    pub errors: usize,
    /// Findings shown that are warnings.
    pub warnings: usize,
    /// Findings shown that are worth knowing.
    pub infos: usize,
    /// Findings outside the paths that were asked for; they are not shown.
    pub elsewhere: usize,
    /// Findings of the repository that comments suppress.
    pub suppressed: usize,
    /// Apps.
    pub apps: usize,
    /// Objects built.
    pub objects: usize,
    /// Charts installed, with their values merged.
    pub releases: usize,
    /// Values files that those charts get.
    pub values_files: usize,
    /// Apps of which something could not be built or resolved.
    pub not_built: usize,
    /// Files that a controller reads, directly or through others, or that set up a cluster.
    pub files: usize,
    /// Files and directories that were not read, because they can't be or lead out of the repository.
    pub unreadable: usize,
}

impl Report<'_> {
    /// Counts what the run covered.
    pub fn summary(&self) -> Summary {
        let shown: Vec<&Finding> = self.findings.iter().filter(|finding| (self.asked)(finding)).collect();
        let count = |severity| shown.iter().filter(|finding| finding.severity == severity).count();
        let apps = &self.repository.apps;
        let sources = self.repository.files.sources.files();
        let matters = |file: &&Arc<SourceFile>| {
            self.repository.class(file.id).matters() || self.repository.speaks_of_cluster(file.id)
        };
        let unreadable = |file: &&Arc<SourceFile>| crate::is_yaml(&file.path) && file.bytes().is_err();
        let values: BTreeSet<FileId> =
            apps.iter().flat_map(|app| &app.releases).flat_map(|release| release.files.iter().copied()).collect();
        Summary {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            infos: count(Severity::Info),
            elsewhere: self.findings.len() - shown.len(),
            suppressed: self.suppressed,
            apps: apps.len(),
            objects: apps.iter().map(|app| app.objects.len()).sum(),
            releases: apps.iter().map(|app| app.releases.len()).sum(),
            values_files: values.len(),
            not_built: apps.iter().filter(|app| !app.is_complete()).count(),
            files: sources.iter().filter(matters).count(),
            unreadable: self.unreadable + sources.iter().filter(unreadable).count(),
        }
    }
}

impl Summary {
    /// The worst severity that is there.
    pub fn worst(&self) -> Option<Severity> {
        match self {
            Self { errors: 1.., .. } => Some(Severity::Error),
            Self { warnings: 1.., .. } => Some(Severity::Warning),
            Self { infos: 1.., .. } => Some(Severity::Info),
            _ => None,
        }
    }

    /// `3 findings: 1 error, 2 warnings`
    pub fn findings_in_words(&self) -> String {
        let total = self.errors + self.warnings + self.infos;
        let mut words = match total {
            0 => "no findings".to_owned(),
            total => {
                let severities = [(self.errors, "error"), (self.warnings, "warning"), (self.infos, "info")];
                let there: Vec<String> =
                    severities.into_iter().filter(|(count, _)| *count > 0).map(|(n, word)| counted(n, word)).collect();
                format!("{}: {}", counted(total, "finding"), there.join(", "))
            }
        };
        let aside = [(self.elsewhere, "more outside the paths asked for"), (self.suppressed, "suppressed by comments")];
        let aside: Vec<String> = aside
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, words)| format!("{count} {words}"))
            .collect();
        if !aside.is_empty() {
            words.push_str(&format!(" ({})", aside.join(", ")));
        }
        words
    }

    /// `49 apps, 310 objects, 31 values files, from 420 files; 2 apps not built whole`
    pub fn coverage_in_words(&self) -> String {
        let (apps, objects) = (counted(self.apps, "app"), counted(self.objects, "object"));
        let (values, files) = (counted(self.values_files, "values file"), counted(self.files, "file"));
        let mut words = format!("{apps}, {objects}, {values}, from {files}");
        if self.not_built > 0 {
            words.push_str(&format!("; {} not built whole (`presync apps` says why)", counted(self.not_built, "app")));
        }
        if self.unreadable > 0 {
            words.push_str(&format!("; {} not read", self.unreadable));
        }
        words
    }
}

fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}
