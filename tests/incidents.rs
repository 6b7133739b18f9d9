//! Small repositories modelled on incidents. Each folder below `fixtures/incidents` holds the repository `before` and
//! `after` the mend, and in `expected.txt` what presync must say before, one finding a line:
//! `path:line:column severity[rule] message`. After the mend these rules find nothing, and no other finding is a warning
//! or worse. An incident that came with a change has the state before it in `since`, which both are compared with; one
//! that a day brought has the day in `at`.

#![allow(clippy::expect_used)] // A test that can't go on should panic.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use presync::config::{Config, Day};
use presync::files::Files;
use presync::finding::{Finding, Severity};
use presync::repository::Repository;
use presync::{discover, lint, rules};

fn lint(root: &Path) -> (Repository, Vec<Finding>) {
    let root = root.canonicalize().expect("a folder of the fixture");
    let files = Files::new(discover::walk(&root).sources);
    let (mut config, problems) = Config::load(&files);
    assert_eq!(problems, [], "{}", root.display());
    let day = fs::read_to_string(root.with_file_name("at")).ok();
    config.at = day.map(|day| Day::parse(day.trim()).expect("`at` holds a day"));
    let earlier = root.with_file_name("since");
    let since = earlier.is_dir().then(|| {
        let files = Files::new(discover::walk(&earlier).sources);
        Arc::new(presync::read_earlier(files, &config, "main"))
    });
    let repository = presync::read(files, config).compared(since);
    let findings = lint::lint(&repository, &rules::built_in());
    (repository, findings)
}

fn describe(repository: &Repository, finding: &Finding) -> String {
    let file = repository.files.sources.file(finding.primary.span.file);
    let at = file.position(finding.primary.span.start);
    let (severity, rule) = (finding.severity, &finding.rule);
    format!("{}:{}:{} {severity}[{rule}] {}", file.path, at.line, at.column, finding.message)
}

#[test]
fn incidents_are_found_before_the_mend_and_not_after() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/incidents");
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("a folder of incidents") {
        let incident = entry.expect("a readable entry").path();
        let name = incident.file_name().expect("a name").to_string_lossy().into_owned();
        let expected = fs::read_to_string(incident.join("expected.txt")).expect("expected.txt");
        let expected: Vec<&str> = expected.lines().filter(|line| !line.is_empty()).collect();
        assert!(!expected.is_empty(), "{name}: expected.txt says what is found");
        let (repository, findings) = lint(&incident.join("before"));
        let found: Vec<String> = findings.iter().map(|finding| describe(&repository, finding)).collect();
        if found != expected {
            let (expected, found) = (expected.join("\n"), found.join("\n"));
            wrong.push(format!("{name}, before\nexpected:\n{expected}\nfound:\n{found}\n"));
        }
        let mended: BTreeSet<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
        let (repository, findings) = lint(&incident.join("after"));
        let left = findings
            .iter()
            .filter(|finding| finding.severity >= Severity::Warning || mended.contains(finding.rule.as_str()));
        let left: Vec<String> = left.map(|finding| describe(&repository, finding)).collect();
        if !left.is_empty() {
            wrong.push(format!("{name}, after\nfound:\n{}\n", left.join("\n")));
        }
        count += 1;
    }
    assert!(count > 0, "there are incidents");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The words between backticks in a text.
fn quoted(text: &str) -> BTreeSet<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_page_on_incidents_names_every_folder_and_no_rule_that_is_not_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/incidents.md")).expect("the page");
    let named = quoted(&page);
    let folders: BTreeSet<String> = fs::read_dir(root.join("fixtures/incidents"))
        .expect("a folder of incidents")
        .map(|entry| entry.expect("a readable entry").file_name().to_string_lossy().into_owned())
        .collect();
    let missing: Vec<&String> = folders.iter().filter(|folder| !named.contains(folder.as_str())).collect();
    assert!(missing.is_empty(), "docs/incidents.md does not name {missing:?}");
    let rules = rules::built_in();
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        // The second column of a table names rules; that of the last tables gives reasons, without names.
        let Some(cell) = row.split('|').nth(2) else { continue };
        for name in quoted(cell) {
            assert!(rules.iter().any(|rule| rule.id.as_str() == name), "docs/incidents.md: there is no rule `{name}`");
        }
    }
}
