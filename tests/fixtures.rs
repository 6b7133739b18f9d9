//! Folders of small repositories that differ in one thing each. `expected.txt` in a repository lists what presync must
//! say about it: a line `path:line:column severity[rule] message` for each finding, then, indented, the apps that have it
//! and the other places it names. An empty file means nothing at all.

#![allow(clippy::expect_used)] // A test that can't go on should panic.

use std::fs;
use std::path::{Path, PathBuf};

use presync::config::Config;
use presync::files::Files;
use presync::source::Span;
use presync::{discover, lint, rules};

fn found(root: &Path) -> String {
    let root = root.canonicalize().expect("a folder of the fixture");
    let files = Files::new(discover::walk(&root).sources);
    let (config, problems) = Config::load(&files);
    assert_eq!(problems, [], "{}", root.display());
    let repository = presync::read(files, config);
    let mut text = String::new();
    for finding in lint::lint(&repository, &rules::built_in()) {
        let place = |span: Span| {
            let file = repository.files.sources.file(span.file);
            let at = file.position(span.start);
            format!("{}:{}:{}", file.path, at.line, at.column)
        };
        let (severity, rule) = (finding.severity, &finding.rule);
        text.push_str(&format!("{} {severity}[{rule}] {}\n", place(finding.primary.span), finding.message));
        text.push_str(&format!("    in {}\n", finding.apps.join(", ")));
        for label in &finding.related {
            text.push_str(&format!("    {} {}\n", place(label.span), label.message));
        }
    }
    text
}

/// Every row of the matrix of a vendored bundle with a low CPU limit, and the ways in which a patch reaches it or not.
#[test]
fn a_low_limit_is_judged_after_patches() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/qnap-csi");
    let entries = fs::read_dir(folder).expect("a folder of repositories");
    let mut rows: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable entry").path()).collect();
    rows.sort();
    assert!(rows.len() > 14, "only {} rows", rows.len());
    let mut wrong = Vec::new();
    for row in rows {
        let expected = fs::read_to_string(row.join("expected.txt")).expect("expected.txt");
        let found = found(&row);
        if found != expected {
            let name = row.file_name().expect("a name").to_string_lossy().into_owned();
            wrong.push(format!("{name}\nexpected:\n{expected}found:\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
