//! Runs rules over a repository: levels, suppressions, order, one finding per mistake.

use foldhash::{HashMap, HashMapExt};
use rayon::prelude::*;

use crate::finding::Finding;
use crate::repository::Repository;
use crate::rules::{Check, Findings, Rule};

/// Runs every rule that is on. Findings come sorted by place, each mistake once.
pub fn lint(repository: &Repository, rules: &[Rule]) -> Vec<Finding> {
    let levels = &repository.config.levels;
    let active: Vec<&Rule> =
        rules.iter().filter(|rule| levels.may_run(rule.id.as_str(), &rule.group, !rule.pedantic)).collect();
    let found: Vec<Vec<Finding>> = active.par_iter().map(|rule| run(rule, repository)).collect();
    let mut findings = merge(found.into_iter().flatten());
    findings.sort_by(|a, b| (a.primary.span, &a.rule, &a.message).cmp(&(b.primary.span, &b.rule, &b.message)));
    findings
}

fn run(rule: &Rule, repository: &Repository) -> Vec<Finding> {
    let mut findings = Findings::new(rule);
    match rule.check {
        Check::Object(check) => {
            for app in &repository.apps {
                for object in &app.objects {
                    findings.about(Some(app), Some(object));
                    check(object, app, repository, &mut findings);
                }
            }
        }
        Check::Release(check) => {
            for app in &repository.apps {
                findings.about(Some(app), None);
                for release in &app.releases {
                    check(release, app, repository, &mut findings);
                }
            }
        }
        Check::App(check) => {
            for app in &repository.apps {
                findings.about(Some(app), None);
                check(app, repository, &mut findings);
            }
        }
        Check::Repository(check) => check(repository, &mut findings),
        Check::File(check) => {
            for file in repository.files.sources.files() {
                let stream = repository.files.stream(file.id);
                check(&file, &stream, repository, &mut findings);
            }
        }
    }
    findings.into_list()
}

/// Findings of one rule at one place are one mistake, seen in several apps.
fn merge(findings: impl Iterator<Item = Finding>) -> Vec<Finding> {
    let mut merged: Vec<Finding> = Vec::new();
    let mut known: HashMap<_, usize> = HashMap::new();
    for finding in findings {
        let key = (finding.rule.clone(), finding.primary.span);
        match known.get(&key) {
            Some(at) => merged[*at].apps.extend(finding.apps),
            None => {
                known.insert(key, merged.len());
                merged.push(finding);
            }
        }
    }
    for finding in &mut merged {
        finding.apps.sort();
        finding.apps.dedup();
    }
    merged
}
