//! Compares our YAML tree with yaml-rust2's for every YAML file below a directory:
//! `cargo run --release --example differential -- DIR`.

#![allow(clippy::print_stdout)] // A program for the terminal.

#[path = "../tests/differential/mod.rs"]
mod differential;

use std::collections::BTreeMap;
use std::error::Error;

use differential::{Outcome, compare};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("usage: differential DIR")?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in ignore::WalkBuilder::new(directory).hidden(false).git_ignore(false).build() {
        let entry = entry?;
        let is_yaml = matches!(entry.path().extension().and_then(|name| name.to_str()), Some("yaml" | "yml"));
        let Some(text) = is_yaml.then(|| std::fs::read_to_string(entry.path()).ok()).flatten() else { continue };
        let (name, detail) = match compare(&text) {
            Outcome::Same => ("same", None),
            Outcome::BothRefuse => ("both refuse", None),
            Outcome::NotCompared(reason) => (reason, None),
            Outcome::OnlyWeRefuse(reason) => ("only we refuse", Some(reason)),
            Outcome::OnlyTheyRefuse(reason) => ("only yaml-rust2 refuses", Some(reason)),
            Outcome::Different(ours, theirs) => ("different", Some(first_difference(&ours, &theirs))),
        };
        *counts.entry(name).or_default() += 1;
        if let Some(detail) = detail {
            println!("{}: {name}: {detail}", entry.path().display());
        }
    }
    for (name, count) in counts {
        println!("{count:>7}  {name}");
    }
    Ok(())
}

fn first_difference(ours: &str, theirs: &str) -> String {
    let shared = ours.chars().zip(theirs.chars()).take_while(|(a, b)| a == b).count();
    let around = |text: &str| text.chars().skip(shared.saturating_sub(40)).take(80).collect::<String>();
    format!("\n  ours   {}\n  theirs {}", around(ours), around(theirs))
}
