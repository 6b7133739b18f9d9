//! One rule over everything it looks at.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::finding::{Finding, RuleId};
use crate::gitops::Declared;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings, Rule};
use crate::source::{FileId, Span};

/// What one rule found.
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

/// Runs one rule. A panic at one object or file is caught; the others are still looked at.
pub(super) fn run(rule: &Rule, repository: &Repository) -> Outcome {
    let start = Instant::now();
    let mut findings = Findings::new(rule, &repository.config);
    let mut failure = None;
    let mut guard = |place: &dyn Fn() -> Span, findings: &mut dyn FnMut()| {
        // What a panicking check leaves behind is a list of findings that were whole when they were added.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(findings)) {
            let reason = reason(payload.as_ref());
            failure.get_or_insert_with(|| Failure { rule: rule.id.clone(), place: place(), reason });
        }
    };
    match &rule.check {
        Check::Engine => {}
        Check::Match(matcher) => {
            for app in &repository.apps {
                guard(&|| place_of(app), &mut || matcher.check(app, repository, &mut findings));
            }
        }
        Check::Object(check) => {
            for app in &repository.apps {
                for object in &app.objects {
                    findings.about(Some(app), Some(object));
                    guard(&|| object.name_span(), &mut || check(object, app, repository, &mut findings));
                }
            }
        }
        Check::Release(check) => {
            for app in &repository.apps {
                findings.about(Some(app), None);
                for release in &app.releases {
                    guard(&|| release.chart_span, &mut || check(release, app, repository, &mut findings));
                }
            }
        }
        Check::App(check) => {
            for app in &repository.apps {
                findings.about(Some(app), None);
                guard(&|| place_of(app), &mut || check(app, repository, &mut findings));
            }
        }
        Check::Repository(check) => {
            guard(&|| Span::start_of(FileId(0)), &mut || check(repository, &mut findings));
        }
        Check::File(check) => {
            for file in repository.files.sources.files().iter().filter(|file| repository.class(file.id).matters()) {
                let stream = repository.files.stream(file.id);
                guard(&|| Span::start_of(file.id), &mut || check(file, &stream, repository, &mut findings));
            }
        }
    }
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
