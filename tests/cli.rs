//! The program as a user meets it: arguments in, streams and exit code out.

#![allow(clippy::expect_used)] // A test that can't go on should panic.

use std::path::Path;

use presync::cli::{self, Surroundings};

struct Outcome {
    code: u8,
    out: String,
    error: String,
}

fn presync_in(directory: &Path, arguments: &[&str]) -> Outcome {
    let surroundings = Surroundings { directory: directory.to_path_buf(), colour: false, width: None };
    let (mut out, mut error) = (Vec::new(), Vec::new());
    let arguments = std::iter::once("presync").chain(arguments.iter().copied());
    let code = cli::run_in(&surroundings, arguments, &mut out, &mut error);
    let text = |bytes| String::from_utf8(bytes).expect("output in UTF-8");
    Outcome { code, out: text(out), error: text(error) }
}

/// A repository with these files.
fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(directory.path().join(".git")).expect("a directory");
    for (path, text) in files {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, text).expect("a file");
    }
    directory
}

const TWICE: &str = "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: a\n  name: b\n";
const CLEAN: &str = "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: a\n";

#[test]
fn exit_codes_tell_clean_from_findings_from_failure() {
    let clean = repository(&[("a.yaml", CLEAN)]);
    assert_eq!(presync_in(clean.path(), &["lint"]).code, 0);
    let twice = repository(&[("a.yaml", TWICE)]);
    assert_eq!(presync_in(twice.path(), &["lint"]).code, 1);
    assert_eq!(presync_in(twice.path(), &["lint", "--fail-on", "never"]).code, 0);
    assert_eq!(presync_in(twice.path(), &["lint", "--no-such-flag"]).code, 2);
    assert_eq!(presync_in(twice.path(), &["--version"]).code, 0);
    let missing = presync_in(twice.path(), &["lint", "nowhere"]);
    assert_eq!((missing.code, missing.error.as_str()), (2, "presync: nowhere: no such file or directory\n"));
    let empty = repository(&[]);
    let nothing = presync_in(empty.path(), &["lint"]);
    assert_eq!(nothing.code, 2);
    assert!(nothing.error.contains("nothing to lint"), "{}", nothing.error);
}

#[test]
fn paths_choose_whose_findings_are_shown() {
    let repository = repository(&[("apps/a.yaml", TWICE), ("infra/b.yaml", TWICE), ("infra/c.yaml", CLEAN)]);
    let all = presync_in(repository.path(), &["lint"]);
    assert!(all.out.contains("apps/a.yaml:5:3") && all.out.contains("infra/b.yaml:5:3"), "{}", all.out);
    let one = presync_in(&repository.path().join("infra"), &["lint", "."]);
    assert!(one.out.contains("b.yaml:5:3") && !one.out.contains("a.yaml"), "{}", one.out);
    let clean = presync_in(repository.path(), &["lint", "infra/c.yaml", "infra/c.yaml"]);
    assert_eq!(clean.code, 0, "{}", clean.out);
}

#[test]
fn an_unknown_rule_is_answered_with_the_nearest() {
    let directory = repository(&[]);
    let outcome = presync_in(directory.path(), &["explain", "yaml-duplicate-keys"]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.error.contains("Did you mean yaml-duplicate-key?"), "{}", outcome.error);
}

struct Closed;

impl std::io::Write for Closed {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_who_has_seen_enough_is_no_failure() {
    assert_eq!(cli::run(["presync", "rules"], &mut Closed, &mut Vec::new()), 0);
    assert_eq!(cli::run(["presync", "--help"], &mut Closed, &mut Vec::new()), 0);
}
