//! See `rules/argo/argo-events-script-type-error.md`.

use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Object(check);

/// Functions of Lua's `string` library, which take a text first.
const FUNCTIONS: [&str; 12] =
    ["byte", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep", "reverse", "sub", "upper"];

fn check(object: &Object, _: &BuiltApp, repository: &Repository, findings: &mut Findings<'_>) {
    if !object.id.is("argoproj.io", "Sensor") {
        return;
    }
    for dependency in object.root.at(&["spec", "dependencies"]).map(Node::items).unwrap_or_default() {
        let Some(script) = dependency.at(&["filters", "script"]) else { continue };
        let Some(text) = script.as_text() else { continue };
        // A script that gives the name another meaning is let be.
        if text.contains("local event") || text.contains("event =") {
            continue;
        }
        for (start, _) in text.match_indices("string.") {
            let call = text.get(start + "string.".len()..).unwrap_or_default();
            let Some(function) = FUNCTIONS.iter().find(|name| call.starts_with(**name)) else { continue };
            let rest = call.get(function.len()..).unwrap_or_default().trim_start();
            let argument = rest.strip_prefix('(').map(str::trim_start).and_then(|rest| rest.strip_prefix("event"));
            let Some(after) = argument.map(str::trim_start) else { continue };
            if !after.starts_with([',', ')']) || *function == "format" {
                continue;
            }
            let length = "string.".len() + call.find("event").unwrap_or_default() + "event".len();
            let span = repository.files.part(script, start..start + length).unwrap_or(script.span);
            let message = format!(
                "the script gives `event` to `string.{function}`, but the event is a table: Lua stops with `string expected, \
                 got table`, and the filter lets no event through"
            );
            findings
                .report(span, message)
                .label("a table, not a text")
                .help("take a field of the event that is a text, such as `event.body.ref`");
        }
    }
}
