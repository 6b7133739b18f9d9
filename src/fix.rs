//! Applies safe fixes, in memory: byte for byte, so that comments, line breaks and layout stay as they are.
//!
//! A fix counts only if it is true: the text still parses, and the finding is gone when the repository is judged again.
//! Else it is left out. Writing files is left to `cli`.

use std::collections::{BTreeMap, BTreeSet};

use crate::files::Files;
use crate::finding::{Edit, Finding, RuleId};
use crate::lint::{self, Run};
use crate::repository::Repository;
use crate::rules::Rule;
use crate::source::FileId;

/// How often the repository is judged at most: a fix can bring up another, but not for ever.
const MAX_ROUNDS: usize = 10;

/// A repository with its safe fixes applied.
pub struct Fixed {
    /// The repository as it is now, in memory.
    pub repository: Repository,
    /// What is still found in it.
    pub run: Run,
    /// Files whose bytes changed, in order.
    pub changed: Vec<FileId>,
    /// How many findings were mended.
    pub mended: usize,
}

/// Applies the safe fixes of the findings that `wanted` accepts, again and again until there are none.
pub fn fix(repository: Repository, rules: &[Rule], wanted: &dyn Fn(&Finding, &Repository) -> bool) -> Fixed {
    let mut run = lint::run(&repository, rules);
    let mut fixed = Fixed { repository, run: Run::default(), changed: Vec::new(), mended: 0 };
    let mut changed = BTreeSet::new();
    // Fixes that turned out not to be true are not tried again.
    let mut refused: BTreeSet<Key> = BTreeSet::new();
    for _ in 0..MAX_ROUNDS {
        let is_refused = |finding: &Finding| refused.contains(&(finding.rule.clone(), finding.primary.span.file));
        let candidates =
            run.findings.iter().filter(|finding| wanted(finding, &fixed.repository) && !is_refused(finding));
        let plan = Plan::of(candidates);
        if plan.edits.is_empty() {
            break;
        }
        let texts = match plan.texts(&fixed.repository.files) {
            Ok(texts) => texts,
            Err(unsound) => {
                refused.extend(unsound);
                continue;
            }
        };
        let touched: Vec<FileId> = texts.iter().map(|(file, _)| *file).collect();
        let repository = crate::read(fixed.repository.files.with_contents(texts), fixed.repository.config.clone());
        let repository = repository.compared(fixed.repository.since.clone());
        let next = lint::run(&repository, rules);
        let untrue = plan.untrue(&run.findings, &next.findings);
        if !untrue.is_empty() {
            refused.extend(untrue);
            continue;
        }
        fixed.mended += plan.mended.values().sum::<usize>();
        changed.extend(touched);
        fixed.repository = repository;
        run = next;
    }
    fixed.run = run;
    fixed.changed = changed.into_iter().collect();
    fixed
}

/// A rule and the file of its finding.
type Key = (RuleId, FileId);

/// What one round changes.
#[derive(Default)]
struct Plan {
    /// The edits of each file by the byte where they start; none overlap.
    edits: BTreeMap<FileId, BTreeMap<u32, Edit>>,
    /// Whose fixes change a file.
    authors: BTreeMap<FileId, BTreeSet<Key>>,
    /// How many findings are to vanish.
    mended: BTreeMap<Key, usize>,
}

impl Plan {
    /// Takes every safe fix whose edits overlap with none before it; the others have their turn in the next round.
    fn of<'a>(findings: impl Iterator<Item = &'a Finding>) -> Self {
        let mut plan = Self::default();
        for finding in findings {
            let Some(fix) = finding.fix.as_ref().filter(|fix| fix.safe && !fix.edits.is_empty()) else { continue };
            if fix.edits.iter().all(|edit| plan.accepts(edit)) {
                let key = (finding.rule.clone(), finding.primary.span.file);
                for edit in &fix.edits {
                    plan.edits.entry(edit.span.file).or_default().insert(edit.span.start, edit.clone());
                    plan.authors.entry(edit.span.file).or_default().insert(key.clone());
                }
                *plan.mended.entry(key).or_default() += 1;
            }
        }
        plan
    }

    /// Two findings may ask for the same edit. Two insertions at one place overlap: which comes first would be a guess.
    fn accepts(&self, edit: &Edit) -> bool {
        let Some(edits) = self.edits.get(&edit.span.file) else { return true };
        if let Some(same) = edits.get(&edit.span.start) {
            return same == edit;
        }
        let before =
            edits.range(..edit.span.start).next_back().is_none_or(|(_, other)| other.span.end <= edit.span.start);
        let after = edits.range(edit.span.start..).next().is_none_or(|(start, _)| edit.span.end <= *start);
        before && after
    }

    /// The new bytes of each file that changes.
    ///
    /// # Errors
    /// Names those whose fixes leave a file less readable than it was.
    fn texts(&self, files: &Files) -> Result<Vec<(FileId, Vec<u8>)>, BTreeSet<Key>> {
        let mut texts = Vec::new();
        let mut unsound = BTreeSet::new();
        for (file, edits) in &self.edits {
            match splice(*file, edits.values(), files).filter(|text| parses(*file, text, files)) {
                Some(text) => texts.push((*file, text)),
                None => unsound.extend(self.authors.get(file).into_iter().flatten().cloned()),
            }
        }
        if unsound.is_empty() { Ok(texts) } else { Err(unsound) }
    }

    /// Those of whose findings fewer went away than were to be mended.
    fn untrue(&self, before: &[Finding], after: &[Finding]) -> BTreeSet<Key> {
        let count = |findings: &[Finding], (rule, file): &Key| {
            findings.iter().filter(|finding| finding.rule == *rule && finding.primary.span.file == *file).count()
        };
        let is_untrue = |(key, mended): &(&Key, &usize)| count(after, key) + **mended > count(before, key);
        self.mended.iter().filter(is_untrue).map(|(key, _)| key.clone()).collect()
    }
}

/// The file's bytes with the edits, which are sorted. `None` if one lies outside the text or cuts a character.
fn splice<'a>(file: FileId, edits: impl Iterator<Item = &'a Edit>, files: &Files) -> Option<Vec<u8>> {
    let file = files.sources.file(file);
    let text = file.text()?;
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        let range = edit.span.range();
        result.push_str(text.get(at..range.start)?);
        result.push_str(&edit.text);
        text.get(range.clone())?;
        at = range.end;
    }
    result.push_str(text.get(at..)?);
    Some(result.into_bytes())
}

/// Whether the new text is as readable as the old one: as many documents, and no more problems.
fn parses(file: FileId, text: &[u8], files: &Files) -> bool {
    let (old, new) = (files.stream(file), crate::yaml::parse(file, text));
    new.problems.len() <= old.problems.len() && new.documents.len() == old.documents.len()
}
