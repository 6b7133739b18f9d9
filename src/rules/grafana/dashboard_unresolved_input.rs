//! See `rules/grafana/grafana-dashboard-unresolved-input.md`.

use std::collections::{BTreeMap, BTreeSet};

use super::dashboard::{self, Dashboard};
use crate::finding::nearest;
use crate::repository::Repository;
use crate::rules::flux::substituted_apps;
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    let substituted = substituted_apps(repository);
    let files = dashboard::files(repository).into_iter().chain(dashboard::of_operator(repository));
    for file in files.filter(|file| is_worth_reading(file.text())) {
        if !substituted.contains(file.app.app.name.as_str())
            && let Some(dashboard) = file.read(repository)
        {
            judge(&dashboard, findings);
        }
    }
}

/// What the text of a datasource stands for.
struct Reference<'a> {
    /// The name of the variable or input.
    name: &'a str,
    /// As it is written, with its dollar and braces.
    written: &'a str,
    place: Span,
}

fn judge(dashboard: &Dashboard<'_>, findings: &mut Findings<'_>) {
    let root = &dashboard.root;
    let lists = [root.at(&["templating", "list"]), root.at(&["spec", "variables"])];
    let variables: Vec<&Node> = lists.into_iter().flatten().flat_map(Node::items).collect();
    let inputs = root.get("__inputs").map(Node::items).unwrap_or_default();
    let inputs: BTreeSet<&str> = inputs.iter().filter_map(|input| input.str_at(&["name"])).collect();
    let operator = dashboard.object.filter(|object| object.id.kind == "GrafanaDashboard");
    let filled = operator.and_then(|object| object.root.at(&["spec", "datasources"])).map(Node::items);
    let filled = filled.unwrap_or_default().iter().filter_map(|filled| filled.str_at(&["inputName"]));
    let known: BTreeSet<&str> = variables.iter().filter_map(|variable| name_of(variable)).chain(filled).collect();
    let mut unresolved: BTreeMap<&str, Vec<Reference<'_>>> = BTreeMap::new();
    for reference in references(root).into_iter().filter(|reference| !known.contains(reference.name)) {
        unresolved.entry(reference.name).or_default().push(reference);
    }
    for (input, mut places) in unresolved {
        places.sort_by_key(|reference| reference.place);
        let Some(Reference { written, place, .. }) = places.first() else { continue };
        // Grafana's export gives all inputs names with `DS_`.
        let is_input = inputs.contains(input) || input.starts_with("DS_");
        let why = match (is_input, operator) {
            (true, None) => {
                ", an input that Grafana asks for when somebody imports a dashboard by hand; loaded from a file"
            }
            (true, Some(_)) => ", an input that the operator fills in only where `spec.datasources` names it, so",
            (false, _) => ", and has no variable of that name, so",
        };
        let message = format!(
            "the dashboard {} takes its datasource from `{written}`{why} its panels show `Datasource {written} was not found`",
            dashboard.file
        );
        let report = findings.report(*place, message);
        report.apps = vec![dashboard.app.app.name.clone()];
        report.object = dashboard.object.map(|object| object.id.to_string());
        let datasources = || {
            let of_type = variables.iter().filter(|variable| variable.str_at(&["type"]) == Some("datasource"));
            of_type.filter_map(|variable| name_of(variable))
        };
        report.help(match (is_input, operator, nearest(input, datasources()), datasources().next()) {
            (false, _, Some(near), _) => format!("did you mean `${{{near}}}`?"),
            (false, _, None, Some(other)) => format!("its variable of type `datasource` is called `{other}`"),
            (true, Some(_), ..) => {
                format!("name {input} as `inputName` in `spec.datasources`, with its `datasourceName`")
            }
            _ => format!(
                "add a variable {input} of type `datasource` to `templating.list`, or write the datasource's uid"
            ),
        });
        if places.len() > 1 {
            report.label(format!("and at {} more places", places.len() - 1));
        }
    }
}

/// The name of a variable; dashboards of schema v2 have it one level deeper.
fn name_of(variable: &Node) -> Option<&str> {
    variable.str_at(&["name"]).or_else(|| variable.str_at(&["spec", "name"]))
}

/// The datasources of a dashboard that are given as variables or inputs.
fn references(dashboard: &Node) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    let mut open = vec![dashboard];
    while let Some(node) = open.pop() {
        for entry in node.entries() {
            open.push(&entry.value);
            if entry.key.text != "datasource" {
                continue;
            }
            let value = entry.value.get("uid").unwrap_or(&entry.value);
            let reference = value.as_str().and_then(|written| Some((written, variable(written)?)));
            found.extend(reference.map(|(written, name)| Reference { name, written, place: value.span }));
        }
        open.extend(node.items());
    }
    found
}

/// The variable or input that a text consists of, in one of Grafana's three notations. Those with underscores in front are
/// Grafana's own.
fn variable(text: &str) -> Option<&str> {
    let inside = |open: &str, close: &str| text.strip_prefix(open)?.strip_suffix(close);
    let name = match inside("${", "}").or_else(|| inside("[[", "]]")) {
        Some(inside) => inside.split_once(':').map_or(inside, |(name, _)| name),
        None => text.strip_prefix('$')?,
    };
    let is_word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    (is_word && !name.is_empty() && !name.starts_with("__")).then_some(name)
}

/// Whether a text speaks of a variable that nothing in it is named after, or of inputs. Dashboards are long, and most need
/// not be read.
fn is_worth_reading(text: &str) -> bool {
    if text.contains("__inputs") {
        return true;
    }
    let named = |key: &str| text.split(key).skip(1).filter_map(string_behind).collect::<BTreeSet<&str>>();
    let names = named("\"name\"");
    let mut given = named("\"datasource\"").into_iter().chain(named("\"uid\""));
    given.any(|given| variable(given).is_some_and(|name| !names.contains(name)))
}

/// The string of JSON that follows on a key.
fn string_behind(rest: &str) -> Option<&str> {
    rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?.split('"').next()
}
