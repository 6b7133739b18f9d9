//! `presync explain`: what a rule is for, in the terminal.

use clap::Args;
use owo_colors::Style;

use super::markdown::{self, Look};
use super::rules::default_value;
use super::scope::Scope;
use super::{CLEAN, Context, Failure};
use crate::finding::nearest;
use crate::report::severity_style;
use crate::rules::Rule;

/// Columns of text that no terminal shows, and the widest that reads well.
const MAX_WIDTH: usize = 100;

/// Say what a rule looks for, why it matters, and how to mend it
#[derive(Args)]
pub(super) struct Arguments {
    /// The rule's id
    rule: String,
    /// Show every example instead of the first of each kind
    #[arg(long)]
    examples: bool,
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<u8, Failure> {
    let rules = Scope::rules(context.surroundings);
    let Some(rule) = rules.iter().find(|rule| rule.id.as_str() == arguments.rule) else {
        let hint = nearest(&arguments.rule, rules.iter().map(|rule| rule.id.as_str()));
        let hint = hint.map_or_else(String::new, |id| format!("; did you mean `{id}`?"));
        return Err(Failure::new(format!(
            "there is no rule `{}`{hint}\n`presync rules` lists them all",
            arguments.rule
        )));
    };
    let look = Look {
        colour: context.surroundings.colour,
        width: context.surroundings.width.unwrap_or(MAX_WIDTH).clamp(40, MAX_WIDTH),
    };
    let (heading, title) = (look.style(severity_style(rule.severity)), look.style(Style::new().bold()));
    let default = if rule.pedantic { ", off by default" } else { "" };
    writeln!(context.out, "{}", heading.style(format_args!("{}[{}]", rule.severity, rule.id)))?;
    writeln!(context.out, "{}", title.style(&rule.title))?;
    let since = if rule.needs_since() { ", needs `presync lint --since REVISION`" } else { "" };
    writeln!(context.out, "{} confidence{default}{since}", rule.confidence)?;
    let text = if arguments.examples { rule.documentation.clone() } else { first_examples(&rule.documentation) };
    write!(context.out, "{}", markdown::render(&format!("{text}\n{}", settings(rule)), look))?;
    Ok(CLEAN)
}

/// What `.presync.yaml` can change about the rule, in Markdown.
fn settings(rule: &Rule) -> String {
    let mut text = "## Settings\n\n".to_owned();
    if rule.pedantic {
        text.push_str(&format!("Turn it on in `.presync.yaml`:\n\n```yaml\nrules:\n  {}: on\n```\n", rule.id));
    }
    for setting in &rule.settings {
        let (name, value) = (&setting.name, default_value(setting));
        let (takes, about) = (setting.kind.describe(), &setting.about);
        text.push_str(&format!("\n- `{name}`: {about}. It takes {takes}; the default is `{value}`.\n"));
    }
    if let Some(setting) = rule.settings.first() {
        let (name, value) = (&setting.name, default_value(setting));
        text.push_str(&format!("\n```yaml .presync.yaml\nsettings:\n  {}:\n    {name}: {value}\n```\n", rule.id));
    }
    if rule.pedantic || !rule.settings.is_empty() { text } else { String::new() }
}

/// The text with one example in each section. Examples are `###` sections.
fn first_examples(documentation: &str) -> String {
    let mut text = String::new();
    let mut examples = 0;
    let end_section = |text: &mut String, examples: usize| match examples {
        0 | 1 => {}
        2 => text.push_str("\n(One more with `--examples`.)\n"),
        more => text.push_str(&format!("\n({} more with `--examples`.)\n", more - 1)),
    };
    let mut in_code = false;
    for line in documentation.lines() {
        in_code ^= line.starts_with("```");
        if !in_code && line.starts_with("## ") {
            end_section(&mut text, examples);
            examples = 0;
        }
        examples += usize::from(!in_code && line.starts_with("### "));
        if examples < 2 {
            text.push_str(line);
            text.push('\n');
        }
    }
    end_section(&mut text, examples);
    text
}
