//! See `rules/prometheus/prometheus-label-partial-coverage.md`.

use super::labels::{self, Coverage, Sources};
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

/// How many monitors without the label a message names.
const NAMED: usize = 3;

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    for prometheus in labels::all(repository) {
        for label in findings.texts("labels") {
            let Coverage::Some(sources) = prometheus.coverage(label, repository) else { continue };
            let app = &prometheus.app.app.name;
            if let Some(span) = sources.default_metric {
                let report = findings.report(
                    span,
                    format!(
                        "a metric relabeling gives `{label}` to scraped series only; `up` and `scrape_*` go without, so \
                         dashboard variables that read the list of clusters from `up` stay empty"
                    ),
                );
                report.help("move the entry from `metricRelabelings` to `relabelings`");
                report.apps = vec![app.clone()];
                continue;
            }
            partial(label, &sources, app, findings);
        }
    }
}

fn partial(label: &str, sources: &Sources, app: &str, findings: &mut Findings<'_>) {
    let mut with = sources.target.iter().chain(&sources.metric);
    let (Some(first), false) = (with.next(), sources.lacking.is_empty()) else { return };
    let mut names: Vec<String> = sources.lacking.iter().take(NAMED).map(|(name, _)| name.clone()).collect();
    if sources.lacking.len() > NAMED {
        names.push(format!("{} more", sources.lacking.len() - NAMED));
    }
    let names = match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    };
    let report = findings.report(
        *first,
        format!(
            "this gives the label `{label}` to some series only: those of {names} go without, and queries that join \
             or filter both kinds by `{label}` miss one of them"
        ),
    );
    for other in with.take(NAMED) {
        report.related(*other, "these get it too");
    }
    for (name, span) in sources.lacking.iter().take(NAMED) {
        if let Some(span) = span {
            report.related(*span, format!("{name} goes without"));
        }
    }
    report.help(format!(
        "give `{label}` to all series with `relabelings` in a default scrape class, or to none; `externalLabels` is \
         enough for alerts and remote storage"
    ));
    report.apps = vec![app.to_owned()];
}
