//! Kustomizations of our own with what the real kustomize (5.5) makes of them, and where each value comes from.
//!
//! `fixtures/kustomize/<name>/expected/<directory>.yaml` is what `kustomize build <directory>` prints, byte for byte;
//! `<directory>.error` holds words that it prints when it refuses and, on a second line, the place that is to blame, which
//! it does not tell. `<directory>.origins` lists fields, each with the
//! line it is written in and the steps it went through. What older releases do otherwise is in `expected-5.5`, recorded
//! from the same 5.5; the rest of `expected` is what 5.8 does too.

#![allow(clippy::expect_used)] // A test that can't go on should panic.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use presync::config::KustomizeRelease;
use presync::files::Files;
use presync::kustomize::{self, Build, Options};
use presync::source::Sources;
use presync::yaml::Node;

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

/// The node at `a.b.0.c`; a dot in a key is written `\.`.
fn at<'a>(root: &'a Node, path: &str) -> Option<&'a Node> {
    let path = path.replace("\\.", "\u{0}");
    path.split('.').map(|part| part.replace('\u{0}', ".")).try_fold(root, |node, part| match part.parse::<usize>() {
        Ok(index) => node.items().get(index),
        Err(_) => node.get(&part),
    })
}

/// The origins of the fields that the lines of `asked` name, in the same form.
fn origins(files: &Files, build: &Build, asked: &str) -> String {
    let mut text = String::new();
    for line in asked.lines() {
        let mut words = line.split(' ');
        let (kind, name, path) = (words.next(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let object =
            build.objects.iter().find(|object| Some(object.id.kind.as_str()) == kind && object.id.name == name);
        let node = object.and_then(|object| at(&object.root, path));
        let removed = || {
            let (parent, key) = path.rsplit_once('.')?;
            let parent = at(&object?.root, parent)?.as_mapping()?;
            let removed = parent.removed().iter().find(|removed| removed.key.text == key)?;
            let (value, by) = (files.sources.describe(removed.value.span), files.sources.describe(removed.by));
            Some(format!("{value}, removed by {by}"))
        };
        let missing = || removed().unwrap_or("is not there".to_owned());
        let origin = node.map_or_else(missing, |node| {
            let steps = node
                .history
                .changes()
                .iter()
                .map(|change| format!(", {:?} by {}", change.action, files.sources.describe(change.by)));
            format!("{}{}", files.sources.describe(node.span), steps.collect::<String>())
        });
        writeln!(text, "{} {name} {path} {origin}", kind.unwrap_or_default()).expect("a string");
    }
    text
}

/// Words and place of the first problem that kustomize refuses to build for, as far as `expected` tells them.
fn refusal(files: &Files, build: &Build, expected: &str) -> String {
    let Some(problem) = build.problems.iter().find(|problem| problem.upstream.is_some()) else {
        return "it builds".to_owned();
    };
    let file = files.sources.file(problem.span.file);
    let position = file.position(problem.span.start);
    let place = format!("at {}:{}:{}", file.path, position.line, position.column);
    let words = problem.upstream.as_deref().unwrap_or_default();
    let expected_words = expected.lines().next().unwrap_or_default();
    let words = if words.contains(expected_words) { expected_words } else { words };
    if expected.lines().count() > 1 { format!("{words}\n{place}\n") } else { format!("{words}\n") }
}

#[test]
fn kustomizations_are_built_as_kustomize_builds_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/kustomize");
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in fs::read_dir(&folder).expect("fixtures") {
        let case = case.expect("a readable entry").path().canonicalize().expect("a folder");
        let mut expectations = Vec::new();
        for folder in
            ["expected", "expected-5.5"].map(|folder| case.join(folder)).iter().filter(|folder| folder.is_dir())
        {
            files_below(folder, &mut expectations);
        }
        expectations.sort();
        for expectation in expectations {
            count += 1;
            let below = expectation.strip_prefix(&case).expect("a file below");
            let (folder, name) = below.to_str().and_then(|below| below.split_once('/')).expect("a folder and a file");
            let name = Path::new(name).with_extension("");
            let release = KustomizeRelease::parse(folder.trim_start_matches("expected-"));
            let options = Options { release: release.unwrap_or_default(), ..Options::default() };
            let files = Files::new(Sources::open(case.clone()));
            let directory = files.sources.relative(&case.join(&name)).expect("a directory of the case");
            let build = kustomize::build(&files, &directory, &options);
            let expected = fs::read_to_string(&expectation).expect("text");
            let found = match expectation.extension().and_then(|extension| extension.to_str()) {
                Some("yaml") => match build.failure() {
                    Some(words) => format!("it fails: {words}"),
                    None => build.to_yaml(),
                },
                Some("error") => refusal(&files, &build, &expected),
                _ => origins(&files, &build, &expected),
            };
            if found != expected {
                wrong.push(format!("{}\nexpected:\n{expected}\nfound:\n{found}", expectation.display()));
            }
        }
    }
    assert!(count >= 10, "only {count} expectations");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
