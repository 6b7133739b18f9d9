//! Values of another type than a rule expects, at the paths that the rule's own examples use: no rule panics on them.
//!
//! Each node of each example is replaced in turn by a list, a map, null, a template or an encrypted text, and the rule runs
//! again. A panic inside a rule is caught by `lint` and told as `presync-rule-failed`, so that is what must not be found.

#![allow(clippy::expect_used)] // A test that can't go on should panic.

mod common;

use common::{Example, examples};
use presync::config::Config;
use presync::files::Files;
use presync::lint;
use presync::rules::{self, Check, Rule};
use presync::source::{FileId, RepoPath, Sources, Span};
use presync::yaml::{self, Node};
use rayon::prelude::*;

/// What stands where something else is expected.
const STRANGERS: [&str; 7] = [
    "[strange]",
    "{strange: [value]}",
    "null",
    "'{{ .Values.strange }}'",
    "ENC[AES256_GCM,data:c3RyYW5nZQ==,type:str]",
    "-1",
    "!vault strange",
];

/// Most nodes of one file that are replaced; those of larger files are taken evenly.
const MOST_NODES: usize = 8;

/// Places of every node in a file, the outer ones first.
fn places(text: &[u8]) -> Vec<Span> {
    let stream = yaml::parse(FileId(0), text);
    let mut places = Vec::new();
    let mut open: Vec<&Node> = stream.documents.iter().filter_map(|document| document.root.as_ref()).collect();
    while let Some(node) = open.pop() {
        places.push(node.span);
        open.extend(node.entries().iter().map(|entry| &entry.value));
        open.extend(node.items());
    }
    places.retain(|span| !span.range().is_empty());
    places.sort();
    places.dedup();
    places
}

/// The paths and bytes of one repository.
type Contents = Vec<(RepoPath, Vec<u8>)>;

/// The example once for each node that is replaced, and what was replaced by what.
fn strange(example: &Example) -> Vec<(String, Contents)> {
    let mut all = Vec::new();
    for (at, (path, content)) in example.files.iter().enumerate() {
        let is_yaml = matches!(path.extension(), Some("yaml" | "yml"));
        if !is_yaml || path.as_str() == ".presync.yaml" {
            continue;
        }
        let places = places(content);
        let step = places.len().div_ceil(MOST_NODES).max(1);
        for (turn, span) in places.iter().step_by(step).enumerate() {
            let stranger = STRANGERS.iter().cycle().nth(turn + at).expect("a circle has no end");
            let mut changed = content.clone();
            changed.splice(span.range(), stranger.bytes());
            let mut files = example.files.clone();
            files[at].1 = changed;
            all.push((format!("{path} with {stranger} at byte {}", span.start), files));
        }
    }
    all
}

/// What the rule of the engine says about `rule` where it panics.
fn failures(rule: &Rule, engine: &Rule, section: &str) -> Vec<String> {
    let pair = [rule.clone(), engine.clone()];
    let mut failures = Vec::new();
    for example in examples(&rule.documentation, section) {
        for (what, contents) in strange(&example) {
            let files = Files::new(Sources::memory(contents));
            let (config, _) = Config::load(&files);
            let findings = lint::lint(&presync::read(files, config), &pair);
            let failed = findings.iter().find(|finding| finding.rule == engine.id);
            failures.extend(failed.map(|failed| format!("{}, {}, {what}: {}", rule.id, example.title, failed.message)));
        }
    }
    failures
}

#[test]
fn no_rule_panics_on_values_of_another_type() {
    let rules = rules::built_in();
    let engine = rules.iter().find(|rule| rule.id.as_str() == "presync-rule-failed").expect("the engine's rule");
    let wanted = std::env::var("RULES").unwrap_or_default();
    let judged: Vec<&Rule> = rules
        .iter()
        .filter(|rule| !matches!(rule.check, Check::Engine) && rule.id.as_str().starts_with(&wanted))
        .collect();
    let of_both = |rule: &&Rule| {
        let sections = ["Bad", "Good"].into_iter();
        sections.flat_map(|section| failures(rule, engine, section)).collect::<Vec<_>>()
    };
    let failures: Vec<String> = judged.par_iter().flat_map_iter(of_both).collect();
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn what_is_replaced_differs_from_what_stood_there() {
    let example = Example {
        files: vec![(RepoPath::new("a.yaml").expect("a path"), b"a: {b: 1}\n".to_vec())],
        ..Example::default()
    };
    let texts: Vec<String> =
        strange(&example).into_iter().map(|(_, files)| String::from_utf8_lossy(&files[0].1).into_owned()).collect();
    assert_eq!(texts, ["[strange]\n", "a: {strange: [value]}\n", "a: {b: null}\n"]);
}
