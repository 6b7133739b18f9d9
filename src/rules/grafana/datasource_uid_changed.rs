//! See `rules/grafana/grafana-datasource-uid-changed.md`.

use foldhash::{HashMap, HashMapExt};

use super::about;
use super::datasources::Datasource;
use super::instance::{Instance, instances};
use crate::repository::{Repository, Since};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Since(check);

/// App, organisation and name: by these Grafana, too, finds a datasource that it has.
type Identity<'a> = (&'a str, i64, &'a str);

fn check(since: &Since, repository: &Repository, findings: &mut Findings<'_>) {
    let (then, now) = (instances(&since.repository), instances(repository));
    let earlier = unique(&then);
    for (identity, datasource) in in_order(&now) {
        let Some(Some(before)) = earlier.get(&identity) else { continue };
        let (Some(was), Some(is)) = (before.uid.text(), datasource.uid.text()) else { continue };
        let Some(place) = datasource.uid.span().filter(|_| was != is) else { continue };
        let name = datasource.title();
        let message = format!(
            "the uid of datasource {name} was `{was}` and is `{is}` now: dashboards, alerts and links that somebody saved in \
             Grafana keep `{was}`, and show `Datasource {was} was not found`"
        );
        about(findings.report(place, message), datasource)
            .label(format!("changed since {}", since.revision))
            .help(format!(
                "keep `uid: {was}`. If it has to change, change every dashboard and alert that names it, also those that are \
                 only in Grafana's database"
            ));
    }
}

/// Every datasource whose identity is known, in order.
fn in_order(instances: &[Instance]) -> impl Iterator<Item = (Identity<'_>, &Datasource)> {
    let all = instances.iter().flat_map(|instance| &instance.datasources);
    all.filter_map(|datasource| {
        let name = datasource.name.text()?;
        Some(((datasource.app.as_str(), datasource.organisation, name), datasource))
    })
}

/// The datasources by identity; `None` for what stands there several times.
fn unique(instances: &[Instance]) -> HashMap<Identity<'_>, Option<&Datasource>> {
    let mut found = HashMap::new();
    for (identity, datasource) in in_order(instances) {
        found.entry(identity).and_modify(|one| *one = None).or_insert(Some(datasource));
    }
    found
}
