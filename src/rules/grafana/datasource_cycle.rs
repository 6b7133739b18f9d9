//! See `rules/grafana/grafana-datasource-cycle.md`.

use super::about;
use super::graph::Graph;
use super::instance::{Instance, instances};
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

/// How many other references of the circle a finding shows.
const SHOWN: usize = 5;

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    for instance in instances(repository) {
        let graph = Graph::of(&instance);
        for circle in graph.circles() {
            report(&instance, &graph, &circle, findings);
        }
    }
}

fn report(instance: &Instance, graph: &Graph<'_>, circle: &[usize], findings: &mut Findings<'_>) {
    let number = circle.first().and_then(|at| graph.circle.get(*at));
    let inside = circle.iter().flat_map(|from| {
        let edges = graph.edges.get(*from).map(Vec::as_slice).unwrap_or_default();
        edges.iter().filter(|(to, _)| graph.circle.get(*to) == number).map(|(to, reference)| (*from, *to, *reference))
    });
    let inside: Vec<_> = inside.collect();
    // Each circle has a reference to a datasource that is provisioned later: the one that can fail.
    let forward = inside.iter().find(|(from, to, _)| from < to);
    let Some((from, to, reference)) = forward else { return };
    let title = |at: &usize| instance.datasources.get(*at).map_or("", |datasource| datasource.title());
    let (first, second) = (title(from), title(to));
    let names: Vec<&str> = circle.iter().map(title).collect();
    let who = match names.as_slice() {
        [rest @ .., last] if rest.len() > 1 => {
            format!("the datasources {} and {last} refer to each other in a circle", rest.join(", "))
        }
        _ => format!("the datasources {} refer to each other", names.join(" and ")),
    };
    let message = if instance.operator {
        format!(
            "{who}, so whichever the operator creates first names a uid that does not exist yet; with an empty database a \
             Grafana that looks references up refuses both with `data source not found`"
        )
    } else {
        format!(
            "{who}, so {first} names `{}` before {second} exists; with an empty database a Grafana that looks references \
             up while it provisions stops with `data source not found`",
            reference.uid
        )
    };
    let mut report = findings.report(reference.node.span, message);
    if let Some(datasource) = instance.datasources.get(*from) {
        report = about(report, datasource);
    }
    report.label(if instance.operator {
        format!("{first} needs {second}")
    } else {
        format!("{first} needs {second}, which is provisioned later")
    });
    let others = inside.iter().filter(|(_, _, other)| other.node.span != reference.node.span);
    for (from, to, other) in others.take(SHOWN) {
        report.related(other.node.span, format!("{} needs {}", title(from), title(to)));
    }
    report.help(
        "Grafana 11 and 12 as published store these uids unchecked, and a database that holds both datasources already \
         hides the problem: then leave both, and say so with `# presync: ignore[grafana-datasource-cycle]`. Where a Grafana \
         has been seen to stop, no order of the entries helps; write one direction as a correlation, which is resolved after \
         all datasources exist",
    );
}
