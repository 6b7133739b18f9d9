//! See `rules/metallb/metallb-address-outside-pools.md`.

use core::net::IpAddr;

use foldhash::{HashMap, HashMapExt};

use super::pools::{Addresses, Range, entries};
use super::services;
use crate::repository::{BuiltApp, Cluster, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::{Node, Value};

pub(crate) const CHECK: Check = Check::Repository(check);

/// Deepest nesting of values that is looked into.
const DEEPEST: usize = 64;

/// More clusters than this are not told apart.
const MOST_CLUSTERS: usize = 64;

/// Pools that are named beside a finding.
const MOST_POOLS: usize = 3;

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let objects = repository.apps.iter().flat_map(|app| app.objects.iter().map(move |object| (app, object)));
    let all: Vec<(&BuiltApp, Node)> = objects
        .flat_map(|(app, object)| entries(object, repository).into_iter().map(move |entry| (app, entry)))
        .collect();
    if all.is_empty() {
        return;
    }
    // The pools of the clusters that an app may be for, by the cluster of the first app that asked.
    let mut known: HashMap<Option<Cluster>, Option<Pools<'_>>> = HashMap::new();
    let mut judge = |app: Option<&'a BuiltApp>, node: &Node, findings: &mut Findings<'a>| {
        // Of so many clusters, all pools are taken for everybody's.
        let app = app.filter(|_| known.len() < MOST_CLUSTERS);
        let pools = known.entry(app.map(Cluster::of)).or_insert_with(|| Pools::of(&all, app));
        let Some(Pools { written, addresses }) = pools else { return };
        for text in node.as_text().unwrap_or_default().split(',') {
            let Ok(address) = text.trim().parse::<IpAddr>() else { continue };
            if addresses.hold(address) {
                continue;
            }
            let pools =
                written.iter().filter_map(|entry| entry.as_text()).take(MOST_POOLS).collect::<Vec<_>>().join(", ");
            let message = format!(
                "MetalLB is asked for {address}, which no address pool of this repository holds ({pools}): the Service gets \
                 no address, and EXTERNAL-IP stays `<pending>`"
            );
            let finding = findings.report(node.span, message);
            finding.label("in no pool");
            for entry in written.iter().take(MOST_POOLS) {
                finding.related(entry.span, "a pool");
            }
            finding.help(format!(
                "add `{address}/{}` to a pool, or ask for another",
                if address.is_ipv4() { 32 } else { 128 }
            ));
        }
    };
    // Without MetalLB's annotation another controller may be meant.
    for (app, service) in services::all(repository) {
        if let Some(node) = services::annotated(&service) {
            findings.about(app, None);
            judge(app, node, findings);
        }
    }
    for app in &repository.apps {
        findings.about(Some(app), None);
        for release in &app.releases {
            annotated(&release.values, 0, &mut |node| judge(Some(app), node, findings));
        }
    }
}

/// The pools of one cluster.
struct Pools<'a> {
    written: Vec<&'a Node>,
    addresses: Addresses,
}

impl<'a> Pools<'a> {
    /// `None` where there are none, or where one is not known and could hold any address.
    fn of(all: &'a [(&BuiltApp, Node)], app: Option<&BuiltApp>) -> Option<Self> {
        let here = |other: &BuiltApp| app.is_none_or(|app| !Cluster::are_apart(app, other));
        let written: Vec<&Node> = all.iter().filter(|(other, _)| here(other)).map(|(_, entry)| entry).collect();
        let ranges: Option<Vec<Range>> = written
            .iter()
            .map(|entry| match Range::parse(entry.as_text()?) {
                range @ Range::Between(..) => Some(range),
                _ => None,
            })
            .collect();
        let addresses = Addresses::of(ranges.filter(|ranges| !ranges.is_empty())?.into_iter());
        Some(Self { written, addresses })
    }
}

/// The annotation within the values of a chart.
fn annotated(node: &Node, depth: usize, judge: &mut dyn FnMut(&Node)) {
    if depth >= DEEPEST {
        return;
    }
    match &node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => items.iter().for_each(|item| annotated(item, depth + 1, judge)),
        Value::Mapping(map) => {
            for entry in map.iter() {
                match services::ANNOTATIONS.contains(&entry.key.text.as_str()) {
                    true => judge(&entry.value),
                    false => annotated(&entry.value, depth + 1, judge),
                }
            }
        }
    }
}
