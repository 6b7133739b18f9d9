//! Rules over everything they look at.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::finding::{Finding, RuleId};
use crate::gitops::Declared;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings, Rule};
use crate::source::{FileId, Span};

/// What one rule found.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) findings: Vec<Finding>,
    pub(super) failure: Option<Failure>,
    pub(super) time: Duration,
}

/// A panic inside a rule.
#[derive(Clone)]
pub(super) struct Failure {
    rule: RuleId,
    /// What it looked at.
    place: Span,
    reason: String,
}

/// How many apps are looked at together: few enough that their objects stay in a processor's cache while one rule after
/// the other reads them, which in a large repository costs less than half of reading them anew for each rule.
const APPS_TOGETHER: usize = 8;

/// How many apps one task goes through.
const APPS_IN_A_TASK: usize = 32 * APPS_TOGETHER;

/// Runs rules; gives what each found, in their order. A panic at one object or file is caught; the others are still
/// looked at.
pub(super) fn run(rules: &[&Rule], repository: &Repository) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = rules.par_iter().map(|rule| over_repository(rule, repository)).collect();
    let by_apps: Vec<Vec<Outcome>> = repository
        .apps
        .par_chunks(APPS_IN_A_TASK)
        .map(|apps| {
            let mut outcomes: Vec<Outcome> = rules.iter().map(|_| Outcome::default()).collect();
            for apps in apps.chunks(APPS_TOGETHER) {
                for (rule, outcome) in rules.iter().zip(&mut outcomes) {
                    outcome.add(over_apps(rule, apps, repository));
                }
            }
            outcomes
        })
        .collect();
    for part in by_apps {
        outcomes.iter_mut().zip(part).for_each(|(outcome, part)| outcome.add(part));
    }
    outcomes
}

impl Outcome {
    /// Adds what the rule found at later places.
    fn add(&mut self, later: Outcome) {
        self.findings.extend(later.findings);
        self.failure = self.failure.take().or(later.failure);
        self.time += later.time;
    }
}

/// What a rule finds where it looks at files or at everything at once.
fn over_repository(rule: &Rule, repository: &Repository) -> Outcome {
    guarded(rule, repository, |findings, guard| match &rule.check {
        Check::Repository(check) => {
            guard(&|| Span::start_of(FileId(0)), &mut || check(repository, findings));
        }
        Check::Since(check) => {
            if let Some(since) = repository.since.as_deref() {
                guard(&|| Span::start_of(FileId(0)), &mut || check(since, repository, findings));
            }
        }
        Check::File(check) => {
            for file in repository.files.sources.files().iter().filter(|file| repository.class(file.id).matters()) {
                let stream = repository.files.stream(file.id);
                guard(&|| Span::start_of(file.id), &mut || check(file, &stream, repository, findings));
            }
        }
        Check::Engine | Check::Match(_) | Check::Object(_) | Check::Release(_) | Check::App(_) => {}
    })
}

/// What a rule finds where it looks at apps and what they hold.
fn over_apps(rule: &Rule, apps: &[BuiltApp], repository: &Repository) -> Outcome {
    guarded(rule, repository, |findings, guard| {
        for app in apps {
            findings.about(Some(app), None);
            match &rule.check {
                Check::Match(matcher) => {
                    guard(&|| place_of(app), &mut || matcher.check(app, repository, findings));
                }
                Check::Object(check) => {
                    for object in &app.objects {
                        findings.about(Some(app), Some(object));
                        guard(&|| object.name_span(), &mut || check(object, app, repository, findings));
                    }
                }
                Check::Release(check) => {
                    for release in &app.releases {
                        guard(&|| release.chart_span, &mut || check(release, app, repository, findings));
                    }
                }
                Check::App(check) => guard(&|| place_of(app), &mut || check(app, repository, findings)),
                Check::Engine | Check::Repository(_) | Check::Since(_) | Check::File(_) => return,
            }
        }
    })
}

/// Runs one check at one place; the place is asked for only if it panics.
type Guard<'g> = dyn FnMut(&dyn Fn() -> Span, &mut dyn FnMut()) + 'g;

fn guarded<'a>(
    rule: &'a Rule,
    repository: &'a Repository,
    work: impl FnOnce(&mut Findings<'a>, &mut Guard<'_>),
) -> Outcome {
    let start = Instant::now();
    let mut findings = Findings::new(rule, &repository.config);
    let mut failure = None;
    let mut guard = |place: &dyn Fn() -> Span, check: &mut dyn FnMut()| {
        // What a panicking check leaves behind is a list of findings that were whole when they were added.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(check)) {
            let reason = reason(payload.as_ref());
            failure.get_or_insert_with(|| Failure { rule: rule.id.clone(), place: place(), reason });
        }
    };
    work(&mut findings, &mut guard);
    Outcome { findings: findings.into_list(), failure, time: start.elapsed() }
}

fn place_of(app: &BuiltApp) -> Span {
    match app.app.declared {
        Declared::ArgoApplication(span) | Declared::FluxKustomization(span) | Declared::FluxHelmRelease(span) => span,
        _ => app.objects.first().map_or(Span::start_of(FileId(0)), |object| object.name_span()),
    }
}

fn reason(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no reason given".to_owned())
}

impl Failure {
    /// Says that the rule stopped.
    pub(super) fn report(&self, findings: &mut Findings<'_>) {
        let message = format!(
            "the rule `{}` stopped here with an internal error: {}. What it would have found here is missing",
            self.rule, self.reason
        );
        findings.report(self.place, message).help("please report this; until it is mended, set the rule to `off`");
    }
}
