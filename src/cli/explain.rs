//! `presync explain`: what a rule is for, in the terminal.

use clap::Args;

use super::{CLEAN, Context, Failure};
use crate::rules::built_in;

/// Say what a rule looks for, why it matters, and how to mend it
#[derive(Args)]
pub(super) struct Arguments {
    /// The rule's id
    rule: String,
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<u8, Failure> {
    let rules = built_in();
    let Some(rule) = rules.iter().find(|rule| rule.id.as_str() == arguments.rule) else {
        let similar = |id: &str| strsim::jaro_winkler(id, &arguments.rule);
        let ids = rules.iter().map(|rule| rule.id.as_str());
        let nearest = ids.max_by(|a, b| similar(a).total_cmp(&similar(b))).filter(|id| similar(id) > 0.7);
        let hint = nearest.map_or_else(String::new, |id| format!(" Did you mean {id}?"));
        return Err(Failure::new(format!(
            "there is no rule {:?}.{hint} `presync rules` lists them all.",
            arguments.rule
        )));
    };
    writeln!(context.out, "{}: {}\n\n{}", rule.id, rule.title, rule.documentation)?;
    Ok(CLEAN)
}
