//! `presync rules`: the table of rules, made from the rule files.

use std::io::Write;

use clap::{Args, ValueEnum};

use super::{CLEAN, Context, Failure};
use crate::rules::{Rule, built_in};

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
    let rules = built_in();
    match arguments.format {
        Format::Text => table(&rules, context.out)?,
        Format::Json => {
            let list: Vec<_> = rules.iter().map(json).collect();
            writeln!(context.out, "{}", serde_json::to_string_pretty(&list).unwrap_or_default())?;
        }
    }
    Ok(CLEAN)
}

fn table(rules: &[Rule], out: &mut dyn Write) -> Result<(), Failure> {
    let width = rules.iter().map(|rule| rule.id.as_str().len()).max().unwrap_or(0);
    for rule in rules {
        let note = if rule.pedantic { " (off by default)" } else { "" };
        writeln!(out, "{:width$}  {:7}  {}{note}", rule.id, rule.severity, rule.title)?;
    }
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
    })
}
