//! Every `Bad` example of a rule file gives exactly the findings written under it, every `Good` example none.
//!
//! An example is a `###` section, or the whole `## Bad` or `## Good` section if it has none. Each code block whose info
//! string names a path is a file of the example; a `findings` block lists what the rule must find, one a line:
//! `path:line:column message`.

#![allow(clippy::expect_used)] // A test that can't go on should panic.

use presync::config::Config;
use presync::files::Files;
use presync::lint;
use presync::rules::{self, Rule};
use presync::source::{RepoPath, Sources};

#[derive(Default)]
struct Example {
    title: String,
    files: Vec<(RepoPath, Vec<u8>)>,
    findings: Option<Vec<String>>,
}

fn examples(documentation: &str, section: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut inside = false;
    let mut lines = documentation.lines();
    while let Some(line) = lines.next() {
        if let Some(title) = line.strip_prefix("## ") {
            inside = title == section;
            if inside {
                examples.push(Example { title: title.to_owned(), ..Example::default() });
            }
        } else if let (true, Some(title)) = (inside, line.strip_prefix("### ")) {
            if examples.last().is_some_and(|example| example.files.is_empty()) {
                examples.pop();
            }
            examples.push(Example { title: title.to_owned(), ..Example::default() });
        } else if let Some(info) = line.strip_prefix("```") {
            let ticks = line.len() - line.trim_start_matches('`').len();
            let fence = "`".repeat(ticks);
            let info = info.trim_start_matches('`');
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != fence).collect();
            let Some(example) = examples.last_mut().filter(|_| inside) else { continue };
            if info == "findings" {
                let texts = body.iter().filter(|line| !line.is_empty()).map(|line| (*line).to_owned());
                assert!(
                    example.findings.replace(texts.collect()).is_none(),
                    "two findings blocks in {}",
                    example.title
                );
            } else if let Some((_, path)) = info.split_once(' ') {
                let mut text = body.join("\n");
                text.push('\n');
                example.files.push((RepoPath::new(path).expect("a path inside the example"), text.into_bytes()));
            }
        }
    }
    examples
}

fn found(rule: &Rule, example: &Example) -> Vec<String> {
    let files = Files::new(Sources::memory(example.files.clone()));
    let (config, _) = Config::load(&files);
    let repository = presync::read(files, config);
    let findings = lint::lint(&repository, std::slice::from_ref(rule));
    let describe = |finding: &presync::finding::Finding| {
        let file = repository.files.sources.file(finding.primary.span.file);
        let at = file.position(finding.primary.span.start);
        format!("{}:{}:{} {}", file.path, at.line, at.column, finding.message)
    };
    findings.iter().map(describe).collect()
}

#[test]
fn every_example_of_every_rule_is_true() {
    let mut wrong = Vec::new();
    for rule in rules::built_in() {
        let bad = examples(&rule.documentation, "Bad");
        let good = examples(&rule.documentation, "Good");
        assert!(!bad.is_empty() && !good.is_empty(), "{} needs a Bad and a Good example", rule.id);
        for example in &bad {
            let expected = example.findings.clone().unwrap_or_default();
            assert!(!expected.is_empty(), "{}, {}: a Bad example says what is found", rule.id, example.title);
            let found = found(&rule, example);
            if found != expected {
                wrong.push(format!(
                    "{}, {}\nexpected:\n{}\nfound:\n{}\n",
                    rule.id,
                    example.title,
                    expected.join("\n"),
                    found.join("\n")
                ));
            }
        }
        for example in &good {
            assert!(!example.files.is_empty(), "{}, {}: an example has files", rule.id, example.title);
            let found = found(&rule, example);
            if !found.is_empty() {
                wrong.push(format!("{}, {}\nexpected nothing, found:\n{}\n", rule.id, example.title, found.join("\n")));
            }
        }
    }
    assert!(wrong.is_empty(), "{} examples are wrong\n\n{}", wrong.len(), wrong.join("\n"));
}
