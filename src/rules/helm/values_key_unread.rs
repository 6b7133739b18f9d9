//! See `rules/helm/helm-values-key-unread.md`.

use std::collections::BTreeMap;

use compact_str::CompactString;
use foldhash::HashSet;

use crate::finding::nearest;
use crate::gitops::Standing;
use crate::helm::{Chart, Reads, Release};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::{RepoPath, Span};
use crate::yaml::{Entry, Node};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut reads: BTreeMap<&RepoPath, Option<(Chart, Reads)>> = BTreeMap::new();
    // Several releases may share a values file.
    let mut seen: HashSet<Span> = HashSet::default();
    for app in repository.apps.iter().filter(|app| app.app.standing == Standing::Deployed) {
        for release in &app.releases {
            let Some(directory) = &release.chart.directory else { continue };
            let known = reads.entry(directory).or_insert_with(|| {
                let chart = Chart::read(&repository.files, directory)?;
                Some((chart, Reads::of(&repository.files, directory)?))
            });
            let Some((chart, reads)) = known else { continue };
            findings.about(Some(app), None);
            let mut judge = Judge { chart, reads, release, app, findings, seen: &mut seen };
            if reads.any {
                judge.map(&release.values, &mut Vec::new());
            } else {
                judge.without_templates();
            }
        }
    }
}

struct Judge<'a, 'f> {
    chart: &'a Chart,
    reads: &'a Reads,
    release: &'a Release,
    app: &'a BuiltApp,
    findings: &'a mut Findings<'f>,
    seen: &'a mut HashSet<Span>,
}

impl Judge<'_, '_> {
    /// Whether a key at the top speaks to another chart, or to Helm.
    fn is_for_others(&self, key: &str) -> bool {
        let of_condition =
            |condition: &str| condition.split(',').any(|path| path.trim().split('.').next() == Some(key));
        matches!(key, "global" | "tags")
            || self
                .chart
                .dependencies
                .iter()
                .any(|dependency| dependency.key == key || dependency.condition.as_deref().is_some_and(of_condition))
    }

    fn map(&mut self, node: &Node, path: &mut Vec<CompactString>) {
        for entry in node.entries() {
            if path.is_empty() && self.is_for_others(&entry.key.text) {
                continue;
            }
            path.push(entry.key.text.clone());
            if self.reads.paths.contains(path.as_slice()) {
                // Everything below may be read.
            } else if self.reads.reaches(path) {
                self.map(&entry.value, path);
            } else {
                path.pop();
                self.unread(entry, node, path);
                continue;
            }
            path.pop();
        }
    }

    /// A key that no template reads. Only one that is nearly another, which is read and not given, is surely a slip.
    fn unread(&mut self, entry: &Entry, node: &Node, above: &[CompactString]) {
        let name = entry.key.text.as_str();
        let missing = self.reads.keys_below(above).filter(|key| node.get(key).is_none());
        let Some(near) = nearest(name, missing).filter(|near| is_slip(name, near)) else { return };
        let near = near.to_owned();
        let mut full: Vec<&str> = above.iter().map(CompactString::as_str).collect();
        full.push(name);
        let message = format!(
            "no template of chart `{}` reads `{}`, so the value changes nothing; they read `{near}`, which nobody sets",
            self.release.chart.name,
            full.join(".")
        );
        self.report(entry.key.span, message, &near);
    }

    /// A chart without templates only hands values on, each block to the chart of its name.
    fn without_templates(&mut self) {
        let values = &self.release.values;
        for entry in values.entries() {
            let name = entry.key.text.as_str();
            if self.is_for_others(name) {
                continue;
            }
            let without_block =
                self.chart.dependencies.iter().filter(|dependency| values.get(&dependency.key).is_none());
            let alike = |key: &str| {
                let longer = |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.starts_with('-'));
                longer(key, name) || longer(name, key) || is_slip(name, key)
            };
            let Some(dependency) = without_block.into_iter().find(|dependency| alike(&dependency.key)) else {
                continue;
            };
            let (chart, key) = (&self.release.chart.name, dependency.key.clone());
            let message = format!(
                "chart `{chart}` has no templates and no dependency called `{name}`, so nothing reads this block; `{key}` \
                 gets none"
            );
            self.report(entry.key.span, message, &key);
        }
    }

    fn report(&mut self, span: Span, message: String, near: &str) {
        let is_known = self.app.unresolved.is_empty() || !self.release.incomplete;
        if is_known && self.seen.insert(span) {
            self.findings.report(span, message).label("read by nothing").help(format!("did you mean `{near}`?"));
        }
    }
}

/// Whether two keys differ by a letter or two, not by a word.
fn is_slip(name: &str, other: &str) -> bool {
    let distance = strsim::damerau_levenshtein(name, other);
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    digits(name) == digits(other) && name.len() > 4 && distance <= if name.len() < 8 { 1 } else { 2 }
}
