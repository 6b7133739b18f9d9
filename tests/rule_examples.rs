//! Every `Bad` example of a rule file gives exactly the findings written under it, every `Good` example none; every fix
//! takes its finding away.

mod common;

use common::{Example, examples, found};
use presync::finding::Finding;
use presync::repository::Repository;
use presync::rules::{self, Rule};

/// Nothing can be written that makes a rule panic; if it could, it would be mended.
const WITHOUT_BAD_EXAMPLE: &str = "presync-rule-failed";

fn describe(repository: &Repository, findings: &[Finding]) -> Vec<String> {
    let line = |finding: &Finding| {
        let file = repository.files.sources.file(finding.primary.span.file);
        let at = file.position(finding.primary.span.start);
        format!("{}:{}:{} {}", file.path, at.line, at.column, finding.message)
    };
    findings.iter().map(line).collect()
}

fn differs(rule: &Rule, example: &Example, expected: &[String]) -> Option<String> {
    let (repository, findings) = found(rule, example.files.clone());
    let found = describe(&repository, &findings);
    let (expected, found) = (expected.join("\n"), found.join("\n"));
    (expected != found).then(|| format!("{}, {}\nexpected:\n{expected}\nfound:\n{found}\n", rule.id, example.title))
}

#[test]
fn every_example_of_every_rule_is_true() {
    let mut wrong = Vec::new();
    // `RULES=grafana- cargo test` runs the examples of these rules only.
    let wanted = std::env::var("RULES").unwrap_or_default();
    let rules: Vec<Rule> = rules::built_in().into_iter().filter(|rule| rule.id.as_str().starts_with(&wanted)).collect();
    assert!(!rules.is_empty(), "no rule's id starts with {wanted:?}");
    for rule in rules {
        let good = examples(&rule.documentation, "Good");
        for example in &good {
            assert!(!example.files.is_empty(), "{}, {}: an example has files", rule.id, example.title);
            wrong.extend(differs(&rule, example, &[]));
        }
        assert!(!good.is_empty(), "{} needs a Good example", rule.id);
        if rule.id.as_str() == WITHOUT_BAD_EXAMPLE {
            continue;
        }
        let bad = examples(&rule.documentation, "Bad");
        assert!(!bad.is_empty(), "{} needs a Bad example", rule.id);
        for example in &bad {
            let expected = example.findings.clone().unwrap_or_default();
            assert!(!expected.is_empty(), "{}, {}: a Bad example says what is found", rule.id, example.title);
            wrong.extend(differs(&rule, example, &expected));
        }
    }
    assert!(wrong.is_empty(), "{} examples are wrong\n\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_built_in_rule_file_is_well_formed() {
    let problems: Vec<String> =
        rules::built_in_problems().iter().map(|(id, problem)| format!("{id}: {}", problem.message)).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
