//! `presync rules`: the table of rules, made from the rule files.

use std::io::Write;

use clap::{Args, ValueEnum};
use owo_colors::Style;

use super::markdown::Look;
use super::scope::Scope;
use super::{CLEAN, Context, Failure};
use crate::report::severity_style;
use crate::rules::{Rule, Setting};
use crate::yaml::Node;

/// List the rules
#[derive(Args)]
pub(super) struct Arguments {
    /// How the list is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<u8, Failure> {
    let rules = Scope::rules(context.surroundings);
    match arguments.format {
        Format::Text => table(&rules, Look { colour: context.surroundings.colour, width: 0 }, context.out)?,
        Format::Json => {
            let list: Vec<_> = rules.iter().map(json).collect();
            writeln!(context.out, "{}", serde_json::to_string_pretty(&list).unwrap_or_default())?;
        }
    }
    Ok(CLEAN)
}

fn table(rules: &[Rule], look: Look, out: &mut dyn Write) -> Result<(), Failure> {
    let width = rules.iter().map(|rule| rule.id.as_str().len()).max().unwrap_or(0);
    let dim = look.style(Style::new().dimmed());
    for rule in rules {
        let severity = format!("{:7}", rule.severity);
        let severity = look.style(severity_style(rule.severity)).style(severity).to_string();
        let note = [(rule.pedantic, " (off by default)"), (rule.needs_since(), " (with --since)")];
        let note: String = note.into_iter().filter(|(holds, _)| *holds).map(|(_, text)| text).collect();
        writeln!(out, "{:width$}  {severity}  {}{}", rule.id, rule.title, dim.style(note))?;
    }
    let off = rules.iter().filter(|rule| rule.pedantic).count();
    writeln!(out, "\n{} rules, {off} of them off by default; `presync explain RULE` tells more", rules.len())?;
    Ok(())
}

fn json(rule: &Rule) -> serde_json::Value {
    serde_json::json!({
        "id": rule.id,
        "group": rule.group,
        "title": rule.title,
        "severity": rule.severity,
        "confidence": rule.confidence,
        "pedantic": rule.pedantic,
        "since": rule.needs_since(),
        "settings": rule.settings.iter().map(setting).collect::<Vec<_>>(),
        "documentation": rule.documentation,
    })
}

fn setting(setting: &Setting) -> serde_json::Value {
    serde_json::json!({
        "name": setting.name,
        "takes": setting.kind.describe(),
        "default": default_value(setting),
        "about": setting.about,
    })
}

/// The default as one would write it.
pub(super) fn default_value(setting: &Setting) -> String {
    match setting.default.as_sequence() {
        Some(items) => format!("[{}]", items.iter().filter_map(Node::as_text).collect::<Vec<_>>().join(", ")),
        None => setting.default.as_text().unwrap_or_default().to_owned(),
    }
}
