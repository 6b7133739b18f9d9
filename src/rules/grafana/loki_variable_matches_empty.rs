//! See `rules/grafana/grafana-loki-variable-matches-empty.md`.

use std::collections::BTreeMap;

use super::dashboard;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    for dashboard in dashboard::all(repository, |text| text.contains("allValue") && text.contains("loki")) {
        let variables = dashboard.root.at(&["templating", "list"]).map(Node::items).unwrap_or_default();
        let empty: BTreeMap<&str, &Node> = variables
            .iter()
            .filter(|variable| variable.get("includeAll").and_then(Node::as_bool) == Some(true))
            .filter_map(|variable| Some((variable.str_at(&["name"])?, variable.get("allValue")?)))
            .filter(|(_, value)| value.as_str() == Some(".*"))
            .collect();
        if empty.is_empty() {
            continue;
        }
        let Some((query, names)) = refused(&dashboard.root, &empty) else { continue };
        let mut places: Vec<&Node> = names.iter().filter_map(|name| empty.get(name).copied()).collect();
        places.sort_by_key(|node| node.span);
        let Some((first, rest)) = places.split_first() else { continue };
        let message = format!(
            "with All chosen, no matcher of the query `{query}` asks for anything, and Loki refuses it: `queries require at \
             least one regexp or equality matcher that does not have an empty-compatible value`"
        );
        let report = findings.report(first.span, message);
        report.apps = vec![dashboard.app.app.name.clone()];
        report.object = dashboard.object.map(|object| object.id.to_string());
        for other in rest.iter().take(5) {
            report.related(other.span, "this one matches the empty text too");
        }
        report.help("write `.+`, which matches everything but the empty text");
    }
}

/// The first Loki selector that consists of such variables and of matchers that match the empty text, with the variables.
fn refused<'a>(dashboard: &'a Node, empty: &BTreeMap<&'a str, &Node>) -> Option<(&'a str, Vec<&'a str>)> {
    let mut open = vec![dashboard];
    while let Some(node) = open.pop() {
        let of_loki = |node: &Node| node.str_at(&["datasource", "type"]).map(|kind| kind == "loki");
        for target in node.get("targets").map(Node::items).unwrap_or_default() {
            let loki = of_loki(target).or_else(|| of_loki(node)).unwrap_or(false);
            let Some(query) = target.str_at(&["expr"]).filter(|_| loki) else { continue };
            for selector in selectors(query) {
                let Some(matchers) = matchers(selector) else { continue };
                let used: Option<Vec<Option<&str>>> =
                    matchers.into_iter().map(|matcher| matches_empty(matcher, empty)).collect();
                let names: Vec<&str> = used.unwrap_or_default().into_iter().flatten().collect();
                if !names.is_empty() {
                    return Some((selector, names));
                }
            }
        }
        // Last in, first out: keep the dashboard's order.
        open.extend(node.get("panels").map(Node::items).unwrap_or_default().iter().rev());
    }
    None
}

/// The parts in braces of a query, the braces included. Texts in quotes and backticks are passed over.
fn selectors(query: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut quote, mut start, mut escaped, mut before) = (None, None, false, ' ');
    for (at, character) in query.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(open) if character == '\\' && open != '`' => escaped = true,
            Some(open) => quote = (character != open).then_some(open),
            None => match character {
                '"' | '`' => quote = Some(character),
                // `${name}` is a variable.
                '{' if before != '$' => start = Some(at),
                '}' => found.extend(start.take().and_then(|start| query.get(start..=at))),
                _ => {}
            },
        }
        before = character;
    }
    found
}

/// Operator and value of each matcher of a selector; `None` if it can't be read.
fn matchers(selector: &str) -> Option<Vec<(&str, &str)>> {
    let mut rest = selector.strip_prefix('{')?.strip_suffix('}')?.trim();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let name = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
        let after = rest.get(name..)?.trim_start();
        let operator = ["=~", "!~", "!=", "="].into_iter().find(|operator| after.starts_with(operator))?;
        let value = after.get(operator.len()..)?.trim_start();
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '`'))?;
        let end = value.get(1..)?.find(quote)? + 1;
        found.push((operator, value.get(1..end)?));
        rest = value.get(end + 1..)?.trim_start().trim_start_matches(',').trim_start();
    }
    Some(found)
}

/// `None` if the matcher asks for something, or may; else the variable that it consists of, if it does. Source: Loki,
/// `SplitFiltersAndMatchers`: what matches the empty text is a filter only.
fn matches_empty<'a>((operator, value): (&str, &'a str), empty: &BTreeMap<&str, &Node>) -> Option<Option<&'a str>> {
    let variable = value.strip_prefix('$').map(|name| {
        let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
        name.split(':').next().unwrap_or(name)
    });
    match (operator, variable) {
        ("=~", Some(name)) => empty.contains_key(name).then_some(Some(name)),
        ("=~", None) => matches!(value, "" | ".*").then_some(None),
        ("=", _) => value.is_empty().then_some(None),
        // A negation takes the empty text too, unless that is what it is about.
        ("!=", None) => (!value.is_empty()).then_some(None),
        ("!~", None) => (!value.is_empty() && !value.contains(['*', '?', '|'])).then_some(None),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_read_and_filters_are_not() {
        assert_eq!(selectors("rate({a=~\"$a\", b=\"x}\"} |~ `{c}` [5m])"), ["{a=~\"$a\", b=\"x}\"}"]);
        assert_eq!(matchers("{a=~\"$a\", b != `x`}"), Some(vec![("=~", "$a"), ("!=", "x")]));
        assert_eq!(matchers("{a}"), None);
        assert_eq!(selectors("${x} {{y"), Vec::<&str>::new());
    }
}
