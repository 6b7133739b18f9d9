//! Each folder of `fixtures/gitops` is a repository; its `expected.txt` holds what `presync apps` prints for it, and below
//! that the merged values of every release, each with the line it was written in.

#![allow(clippy::expect_used, reason = "a test says what is wrong by failing")]

use std::fmt::Write as _;
use std::path::Path;

use presync::config::Config;
use presync::discover;
use presync::files::Files;
use presync::report::{Paths, apps};
use presync::repository::Repository;
use presync::yaml::{Node, Value};

fn read(directory: &Path) -> Repository {
    let walk = discover::walk(&directory.canonicalize().expect("a directory"));
    presync::read(Files::new(walk.sources), Config::default())
}

fn shown(repository: &Repository) -> String {
    let root = repository.files.sources.root();
    let mut table = Vec::new();
    apps::text(repository, &Paths::new(root, root), &|_| true, &mut table).expect("a text in memory");
    let mut text = String::from_utf8(table).expect("UTF-8");
    for app in &repository.apps {
        for release in &app.releases {
            let known = if release.incomplete { ", not all known" } else { "" };
            let (name, namespace) = (&release.name, &release.namespace);
            writeln!(text, "\nvalues of {} {namespace}/{name} in {}{known}:", release.chart.name, app.app.name)
                .expect("a string");
            flat(repository, &release.values, "", &mut text);
        }
    }
    text
}

fn flat(repository: &Repository, node: &Node, path: &str, text: &mut String) {
    match &node.value {
        Value::Mapping(mapping) if !mapping.is_empty() => {
            for entry in mapping.entries() {
                flat(repository, &entry.value, &format!("{path}.{}", entry.key.text), text);
            }
        }
        Value::Sequence(items) if !items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                flat(repository, item, &format!("{path}[{at}]"), text);
            }
        }
        Value::Mapping(_) if path.is_empty() => {}
        _ => {
            let value = match &node.value {
                Value::Scalar(_) if node.is_unknown() => "unknown".to_owned(),
                Value::Scalar(text) => format!("{text:?}"),
                Value::Sequence(_) => "[]".to_owned(),
                Value::Mapping(_) => "{}".to_owned(),
            };
            let place = repository.files.sources.describe(node.span);
            writeln!(text, "  {} = {value} ({place})", path.trim_start_matches('.')).expect("a string");
        }
    }
}

#[test]
fn every_fixture_gives_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/gitops");
    let entries = std::fs::read_dir(&folder).expect("fixtures").map(|entry| entry.expect("an entry").path());
    let mut cases: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    cases.sort();
    assert!(!cases.is_empty());
    let mut wrong = Vec::new();
    for case in cases {
        let found = shown(&read(&case));
        let expected = std::fs::read_to_string(case.join("expected.txt")).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{}\n--- expected\n{expected}\n--- found\n{found}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
