//! Runs rules over a repository: levels, suppressions, order, one finding per mistake.
//!
//! A rule that panics loses its own findings at the place where it stopped, and says so; everything else goes on.

mod merge;
mod run;
mod suppression;

use std::time::Duration;

use crate::config::Level;
use crate::finding::{Finding, RuleId};
use crate::repository::Repository;
use crate::rules::{Check, Findings, Rule};
use crate::sops;
use suppression::Suppressions;

/// The rule for rules that stopped with an internal error.
const RULE_FAILED: &str = "presync-rule-failed";
const SUPPRESSION_INVALID: &str = "presync-suppression-invalid";
const SUPPRESSION_UNUSED: &str = "presync-suppression-unused";

/// What a run gave.
#[derive(Debug, Default)]
pub struct Run {
    /// The findings, by place.
    pub findings: Vec<Finding>,
    /// How many findings comments suppress.
    pub suppressed: usize,
    /// What each rule that ran took, in the order of rules.
    pub timings: Vec<Timing>,
}

/// What one rule took.
#[derive(Debug)]
pub struct Timing {
    /// The rule.
    pub rule: RuleId,
    /// Time on one processor.
    pub time: Duration,
    /// How many findings it reported, before equal ones were made one.
    pub findings: usize,
}

/// The findings of every rule that is on, by place, each mistake once.
pub fn lint(repository: &Repository, rules: &[Rule]) -> Vec<Finding> {
    run(repository, rules).findings
}

/// Runs every rule that is on.
pub fn run(repository: &Repository, rules: &[Rule]) -> Run {
    let levels = &repository.config.levels;
    let may_run = |rule: &&Rule| {
        levels.may_run(rule.id.as_str(), &rule.group, !rule.pedantic)
            && (repository.since.is_some() || !rule.needs_since())
    };
    let active: Vec<&Rule> = rules.iter().filter(may_run).collect();
    let outcomes = run::run(&active, repository);
    let timings = active.iter().zip(&outcomes);
    let timings = timings.filter(|(rule, _)| !matches!(rule.check, Check::Engine)).map(|(rule, outcome)| Timing {
        rule: rule.id.clone(),
        time: outcome.time,
        findings: outcome.findings.len(),
    });
    let timings = timings.collect();
    let failures: Vec<run::Failure> = outcomes.iter().filter_map(|outcome| outcome.failure.clone()).collect();
    let mut findings = merge::merge(outcomes.into_iter().flat_map(|outcome| outcome.findings));
    findings.retain_mut(|finding| apply_level(finding, rules, repository));
    findings.iter_mut().for_each(|finding| guard_sealed(finding, repository));

    let mut suppressions = Suppressions::read(repository);
    let before = findings.len();
    findings.retain(|finding| !suppressions.suppress(finding, repository));
    let suppressed = before - findings.len();

    if let Some(rule) = engine(rules, RULE_FAILED) {
        let mut failed = Findings::new(rule, &repository.config);
        failures.iter().for_each(|failure| failure.report(&mut failed));
        findings.extend(failed.into_list());
    }
    let ran = |id: &str, path: &crate::source::RepoPath| {
        active.iter().any(|rule| rule.id.as_str() == id && level(rule, path, repository) != Level::Off)
    };
    let mut comments = Vec::new();
    if let Some(rule) = engine(rules, SUPPRESSION_INVALID) {
        comments.extend(suppressions.invalid(rule, rules, repository));
    }
    if let Some(rule) = engine(rules, SUPPRESSION_UNUSED) {
        comments.extend(suppressions.unused(rule, repository, &ran));
    }
    comments.retain_mut(|finding| apply_level(finding, rules, repository));
    findings.extend(comments);
    findings.sort_by(|a, b| (a.primary.span, &a.rule, &a.message).cmp(&(b.primary.span, &b.rule, &b.message)));
    Run { findings, suppressed, timings }
}

fn engine<'a>(rules: &'a [Rule], id: &str) -> Option<&'a Rule> {
    rules.iter().find(|rule| rule.id.as_str() == id)
}

fn level(rule: &Rule, path: &crate::source::RepoPath, repository: &Repository) -> Level {
    let by_default = if rule.pedantic { Level::Off } else { Level::On };
    repository.config.levels.of(rule.id.as_str(), &rule.group, path).unwrap_or(by_default)
}

/// Gives a finding the severity that the user wants in its file. False if the user wants none there.
fn apply_level(finding: &mut Finding, rules: &[Rule], repository: &Repository) -> bool {
    let path = &repository.files.sources.file(finding.primary.span.file).path;
    if repository.config.skip.matches(path) {
        return false;
    }
    let Some(rule) = rules.iter().find(|rule| rule.id == finding.rule) else { return true };
    match level(rule, path, repository) {
        Level::Off => return false,
        Level::On => {}
        Level::At(severity) => finding.severity = severity,
    }
    true
}

/// A file that SOPS encrypted carries a code over all its values: after a change by hand nothing can decrypt it.
fn guard_sealed(finding: &mut Finding, repository: &Repository) {
    let Some(fix) = &mut finding.fix else { return };
    let sealed = |file| {
        let stream = repository.files.stream(file);
        stream.documents.iter().filter_map(|document| document.root.as_ref()).any(sops::is_encrypted)
    };
    fix.safe &= !fix.edits.iter().any(|edit| sealed(edit.span.file));
}
